# Flags of our own code; never exported to users of the library. Nothing reads errno or the exception flags of the
# arithmetic; without them square roots and conditions become vector code, with the same results.
add_library(manul_compiler INTERFACE)
target_compile_options(manul_compiler INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -ffp-contract=off -fno-math-errno -fno-trapping-math>)
if(MANUL_NATIVE)
  target_compile_options(manul_compiler INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=native>)
endif()

# The vector kernels: fused multiply-add there (elsewhere augmentation must round as SciPy does).
function(manul_vector_sources)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -ffp-contract=fast)
endfunction()

find_program(MANUL_CCACHE ccache)
mark_as_advanced(MANUL_CCACHE)
if(MANUL_CCACHE AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MANUL_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${MANUL_CCACHE})
endif()
