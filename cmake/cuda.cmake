# The CUDA side: kernels (.cu beside each op) and the walls in framework/cuda. Without a toolkit and cuDNN the CPU side
# is complete and nothing here happens.
function(manul_add_cuda target)
endfunction()
