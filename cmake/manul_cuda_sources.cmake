# How Manul compiles CUDA sources; installed for projects that have kernels of their own:
#
#     project(my_project LANGUAGES CXX CUDA)
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

# Adds .cu files to `target`.
function(manul_add_cuda_sources target)
  get_target_property(definitions manul::manul INTERFACE_COMPILE_DEFINITIONS)
  if(NOT "${definitions}" MATCHES MANUL_WITH_CUDA)
    return()
  endif()
  if(NOT CMAKE_CUDA_COMPILER)
    message(FATAL_ERROR "manul_add_cuda_sources(${target}): the language CUDA is not enabled; call enable_language(CUDA), "
      "or name it in project(... LANGUAGES CXX CUDA)")
  endif()
  target_sources(${target} PRIVATE ${ARGN})
  manul_compile_cuda(${target})
endfunction()
