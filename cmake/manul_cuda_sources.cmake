# How Manul compiles CUDA sources; installed for projects that have kernels of their own:
#
#     project(my_project LANGUAGES CXX)
#     find_package(manul REQUIRED)
#     add_executable(my_program main.cpp)
#     manul_add_cuda_sources(my_program kernel.cu)    # nothing where Manul was built without CUDA

# CMake before 3.26 does not know that nvcc 12 has C++20. In the folder's own variables, as all that CMake finds out.
macro(manul_know_cuda20)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
endmacro()

# The options of target's sources in the language CUDA.
function(manul_compile_cuda target)
  set_target_properties(${target} PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON)
  # fmt 9 takes nvcc for a compiler without constexpr, which its own header then contradicts in C++20.
  target_compile_definitions(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:FMT_USE_CONSTEXPR=1>)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -diag-suppress=20208 -Xcompiler=-Wall,-Wextra>)
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
    enable_language(CUDA)  # not in a function, for the same reason
    manul_know_cuda20()
    get_target_property(manul_architectures ${target} CUDA_ARCHITECTURES)
    if(NOT manul_architectures)  # a target takes them when it is made, which was before the language was enabled
      set_property(TARGET ${target} PROPERTY CUDA_ARCHITECTURES ${CMAKE_CUDA_ARCHITECTURES})
    endif()
    target_sources(${target} PRIVATE ${ARGN})
    manul_compile_cuda(${target})
  endif()
endmacro()
