# Flags of our own code; never exported to users of the library.
add_library(manul_compiler INTERFACE)
target_compile_options(manul_compiler INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -ffp-contract=off>)
if(MANUL_NATIVE)
  target_compile_options(manul_compiler INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=native>)
endif()

find_program(MANUL_CCACHE ccache)
if(MANUL_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MANUL_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${MANUL_CCACHE})
endif()
