# How Manul compiles CUDA sources; installed for projects that have kernels of their own:
#
#     project(my_project LANGUAGES CXX)
#     find_package(manul REQUIRED)
#     add_executable(my_program main.cpp)
#     manul_add_cuda_sources(my_program kernel.cu)    # nothing where Manul was built without CUDA

# The options of target's sources in the language CUDA. Works from CMake 3.22 on, which does not know C++20 for nvcc.
function(manul_compile_cuda target)
  # fmt 9 takes nvcc for a compiler without constexpr, which its own header then contradicts in C++20.
  target_compile_definitions(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:FMT_USE_CONSTEXPR=1>)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20 --expt-relaxed-constexpr
    -diag-suppress=20208 -Xcompiler=-Wall,-Wextra>)
  set_property(TARGET ${target} PROPERTY CUDA_STANDARD)  # none from elsewhere: nvcc takes one alone
endfunction()

# Adds .cu files to `target`, and enables the language CUDA for them if nothing has.
macro(manul_add_cuda_sources target)
  get_target_property(manul_definitions manul::manul INTERFACE_COMPILE_DEFINITIONS)
  if(manul_definitions MATCHES MANUL_WITH_CUDA)
    if(NOT CMAKE_CUDA_COMPILER)
      if(CUDAToolkit_NVCC_EXECUTABLE)
        set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
      endif()
      if(NOT CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS} AND manul_CUDA_ARCHITECTURES)
        set(CMAKE_CUDA_ARCHITECTURES ${manul_CUDA_ARCHITECTURES})
      endif()
    endif()
    enable_language(CUDA)  # not in a function: CMake keeps what it finds out in the folder's own variables
    target_sources(${target} PRIVATE ${ARGN})
    manul_compile_cuda(${target})
  endif()
endmacro()
