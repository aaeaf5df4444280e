# Flags of our own code; never exported to users of the library. Nothing reads errno or the exception flags of the
# arithmetic; without them square roots and conditions become vector code, with the same results.
add_library(manul_compiler INTERFACE)
target_compile_options(manul_compiler INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -ffp-contract=off -fno-math-errno -fno-trapping-math>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)  # with precompiled headers, for ccache
if(MANUL_NATIVE)
  target_compile_options(manul_compiler INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=native>)
endif()

# For what takes long to compile and no time to run: programs but for the library's part, and tests.
add_library(manul_quick_compile INTERFACE)
target_compile_options(manul_quick_compile INTERFACE $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-O1>)

# Gives sources an option of their own, and therefore no precompiled header: GCC takes some options from that, in silence.
function(manul_source_option option)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS ${option} SKIP_PRECOMPILE_HEADERS ON)
endfunction()

# What many sources include is read once for a target. Every source still names what it uses:
# CMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows whether it names all.
set(manul_common_headers <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <map> <memory> <mutex> <optional>
  <span> <string> <string_view> <thread> <vector> <fmt/core.h>)
function(manul_precompile target)
  target_precompile_headers(${target} PRIVATE ${manul_common_headers} ${ARGN})
endfunction()

find_program(MANUL_CCACHE ccache)
mark_as_advanced(MANUL_CCACHE)
if(MANUL_CCACHE AND PROJECT_IS_TOP_LEVEL)
  # It keeps what is compiled with precompiled headers only if it is told so.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${MANUL_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${MANUL_CCACHE})
endif()
