# Installs the build in BUILD, then builds the C++ samples of README.md and docs/models.md as a separate project. Run
# with cmake -P.
set(scratch ${BUILD}/install_test)
file(REMOVE_RECURSE ${scratch})

file(READ ${SOURCE}/README.md readme)
string(REGEX MATCH "```cpp\n([^`]*)```" block "${readme}")
if(NOT block)
  message(FATAL_ERROR "README.md has no C++ example")
endif()
string(REGEX REPLACE "^```cpp\n|```$" "" example "${block}")
file(WRITE ${scratch}/main.cpp "${example}")

# Each sample of docs/models.md is the body of a function that is given what the text around it speaks of.
file(READ ${SOURCE}/docs/models.md page)
string(REPLACE ";" "<semicolon>" page "${page}")
string(REGEX MATCHALL "```cpp\n[^`]*```" samples "${page}")
list(LENGTH samples count)
if(count LESS 3)
  message(FATAL_ERROR "docs/models.md has ${count} C++ samples")
endif()
set(source "#include \"manul/manul.h\"\nusing namespace manul<semicolon>\n")
foreach(sample IN LISTS samples)
  string(REGEX REPLACE "^```cpp\n|```$" "" body "${sample}")
  string(MD5 name "${body}")
  string(APPEND source "void sample_${name}(Model& model, Dataset& train, Dataset& test, Dataset& data, Tensor& pictures, "
    "Tensor& labels, int steps) {{\n${body}}}\n")
endforeach()
string(REPLACE "<semicolon>" ";" source "${source}")
file(WRITE ${scratch}/samples.cpp "${source}")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(code)
    message(FATAL_ERROR "${ARGN}\n${output}")
  endif()
endfunction()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${scratch}/prefix)
include(${SOURCE}/tests/tools/check_headers.cmake)
check_headers(${scratch}/prefix/include)
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/tools/consumer -B ${scratch}/build -G ${GENERATOR}
  -DCMAKE_PREFIX_PATH=${scratch}/prefix -DCMAKE_BUILD_TYPE=Release "-DSOURCES=${scratch}/main.cpp;${scratch}/samples.cpp"
  "-DCMAKE_CXX_FLAGS=${FLAGS}" -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
run(${CMAKE_COMMAND} --build ${scratch}/build)

# The same without CMake.
find_program(PKG_CONFIG pkg-config)
if(PKG_CONFIG)
  set(package ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${scratch}/prefix/${LIBDIR}/pkgconfig ${PKG_CONFIG})
  execute_process(COMMAND ${package} --cflags --libs --static manul OUTPUT_VARIABLE options RESULT_VARIABLE code ERROR_VARIABLE options)
  if(code)
    message(FATAL_ERROR "pkg-config does not find manul: ${options}")
  endif()
  separate_arguments(options UNIX_COMMAND "${options}")
  run(${CXX} -O0 ${scratch}/main.cpp -o ${scratch}/without_cmake ${options})
else()
  message(STATUS "pkg-config is not here: manul.pc was not tried")
endif()
