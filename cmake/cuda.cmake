# The CUDA side: kernels (.cu beside each op) and the walls in framework/cuda. Without a toolkit and cuDNN the CPU side
# is complete and nothing here happens. Defines MANUL_WITH_CUDA and manul_add_cuda(target).
include(manul_cuda_sources)
set(MANUL_WITH_CUDA OFF)

# Unless CMAKE_CUDA_ARCHITECTURES or the environment's CUDAARCHS says which: what the GPUs of this machine are ("90"),
# otherwise all that the toolkit knows of the usual ones, with PTX of the newest for those to come.
function(manul_choose_architectures result)
  execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
    OUTPUT_VARIABLE capabilities RESULT_VARIABLE failed ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed AND capabilities MATCHES "^[0-9]+\\.[0-9]+")
    string(REPLACE "." "" capabilities "${capabilities}")
    string(REGEX MATCHALL "[0-9]+" native "${capabilities}")
    list(REMOVE_DUPLICATES native)
    set(${result} ${native} PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND ${CMAKE_CUDA_COMPILER} --list-gpu-arch OUTPUT_VARIABLE known)
  set(chosen)
  foreach(architecture 75 80 86 89 90 100 120)
    if(known MATCHES "compute_${architecture}([^0-9]|$)")
      list(APPEND chosen ${architecture}-real)
      set(newest ${architecture})
    endif()
  endforeach()
  set(${result} ${chosen} ${newest}-virtual PARENT_SCOPE)
endfunction()

if(NOT MANUL_CUDA STREQUAL "OFF")
  find_package(CUDAToolkit 12.0 QUIET)
  if(CUDAToolkit_FOUND AND CUDAToolkit_NVCC_EXECUTABLE)
    find_package(CUDNN 9.0 QUIET)
  endif()
  if(CUDNN_FOUND)
    if(NOT CMAKE_CUDA_COMPILER)
      set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
    endif()
    if(NOT CMAKE_CUDA_ARCHITECTURES)
      if(DEFINED ENV{CUDAARCHS})  # CMake itself looks at it in a fresh build folder only
        set(CMAKE_CUDA_ARCHITECTURES $ENV{CUDAARCHS})
      else()
        manul_choose_architectures(CMAKE_CUDA_ARCHITECTURES)
      endif()
    endif()
    enable_language(CUDA)
    manul_know_cuda20()
    if(PROJECT_IS_TOP_LEVEL)  # nvcc's own -O is for what runs on the host, launches; kernels always have its highest
      string(REPLACE "-O3" "-O1" CMAKE_CUDA_FLAGS_RELEASE "${CMAKE_CUDA_FLAGS_RELEASE}")
    endif()
    set(MANUL_WITH_CUDA ON)
    set(manul_cuda_architectures ${CMAKE_CUDA_ARCHITECTURES})
    if(CMAKE_CUDA_FLAGS MATCHES "ptxas -O0")
      set(optimized ", kernels NOT optimized (-DCMAKE_CUDA_FLAGS= makes fast ones)")
    endif()
    message(STATUS "CUDA side: toolkit ${CUDAToolkit_VERSION}, cuDNN ${CUDNN_VERSION}, "
      "architectures ${CMAKE_CUDA_ARCHITECTURES}${optimized}")
  elseif(MANUL_CUDA STREQUAL "ON")
    message(FATAL_ERROR "MANUL_CUDA=ON: no CUDA toolkit of version 12 or newer with nvcc (found: "
      "'${CUDAToolkit_VERSION}'), or no cuDNN 9 (found: '${CUDNN_VERSION}'). CUDAToolkit_ROOT and CUDNN_ROOT say where they are.")
  else()
    message(STATUS "CUDA side: left out (no CUDA toolkit 12 or newer with nvcc, or no cuDNN 9)")
  endif()
endif()

function(manul_add_cuda target)
  if(NOT MANUL_WITH_CUDA)
    return()
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS framework/cuda/*.cpp framework/cuda/*.cu ops/*.cu data/*.cu)
  target_sources(${target} PRIVATE ${sources})
  # Augmentation and updates are limited by memory, and agree with the CPU to the last bits without fused multiply-adds.
  file(GLOB_RECURSE exact_kernels CONFIGURE_DEPENDS data/*.cu ops/optimizers/*.cu ops/schedules/*.cu framework/cuda/update.cu)
  set_source_files_properties(${exact_kernels} PROPERTIES COMPILE_OPTIONS --fmad=false)
  manul_compile_cuda(${target})
  target_include_directories(${target} SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS} ${CUDNN_INCLUDE_DIR})
  # The runtime is linked statically and looks for the driver itself; cuBLAS and cuDNN are loaded at first use. So a
  # program starts as fast as without CUDA, and starts where there is neither.
  target_compile_definitions(${target} PUBLIC MANUL_WITH_CUDA PRIVATE
    MANUL_CUBLASLT_LIBRARY="${CUDA_cublasLt_LIBRARY}" MANUL_CUDNN_LIBRARY="${CUDNN_LIBRARY}")
  target_link_libraries(${target} PRIVATE CUDA::cudart_static ${CMAKE_DL_LIBS})
endfunction()
