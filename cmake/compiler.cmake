# Flags of our own code; never exported to users of the library. Nothing reads errno or the exception flags of the
# arithmetic; without them square roots and conditions become vector code, with the same results.
add_library(manul_compiler INTERFACE)
target_compile_options(manul_compiler INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -ffp-contract=off -fno-math-errno -fno-trapping-math>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)  # with precompiled headers, for ccache
if(MANUL_NATIVE)
  target_compile_options(manul_compiler INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=native>)
endif()

# For what takes long to compile and no time to run: programs but for the library's part; and tests, which run once.
foreach(kind quick:-O1 test:-O0)
  string(REGEX MATCH "^([a-z]+):(.*)$" kind ${kind})
  add_library(manul_${CMAKE_MATCH_1}_compile INTERFACE)
  target_compile_options(manul_${CMAKE_MATCH_1}_compile INTERFACE $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:${CMAKE_MATCH_2}>)
endforeach()

# Gives sources options of their own, and therefore no precompiled header: GCC takes some options from that, in silence.
function(manul_source_option option)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${option}" SKIP_PRECOMPILE_HEADERS ON)
endfunction()

# What many sources include is read once for a target. Every source still names what it uses:
# CMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows whether it names all.
set(manul_common_headers <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <map> <memory> <mutex> <optional>
  <span> <string> <string_view> <thread> <vector> <fmt/core.h>)
function(manul_precompile target)
  target_precompile_headers(${target} PRIVATE ${manul_common_headers} ${ARGN})
endfunction()

# With CMAKE_UNITY_BUILD, neighbours of a folder are compiled at once: names of one folder's sources must differ, also
# within unnamed namespaces, and a new source concerns no other folder.
set(MANUL_UNITY_SIZE 8 CACHE STRING "How many sources of a folder are compiled at once with CMAKE_UNITY_BUILD")
mark_as_advanced(MANUL_UNITY_SIZE)
function(manul_unity target)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    if(source MATCHES "\\.cpp$")
      cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE folder)
      cmake_path(GET folder PARENT_PATH folder)
      string(MAKE_C_IDENTIFIER "${folder}" folder)
      list(APPEND ${folder}_sources ${source})
      list(LENGTH ${folder}_sources count)
      math(EXPR group "(${count} - 1) / ${MANUL_UNITY_SIZE}")
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP "${folder}_${group}")
    endif()
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
endfunction()

find_program(MANUL_CCACHE ccache)
mark_as_advanced(MANUL_CCACHE)
if(MANUL_CCACHE AND PROJECT_IS_TOP_LEVEL)
  # It keeps what is compiled with precompiled headers only if it is told so.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${MANUL_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${MANUL_CCACHE})
endif()
