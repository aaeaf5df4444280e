# Installs the build in BUILD, then builds the C++ samples of README.md and docs/ as a separate project and runs what
# can be run. Run with cmake -P.
set(scratch ${BUILD}/install_test)
file(REMOVE_RECURSE ${scratch})

# Sets `samples` to the C++ blocks of a page; a semicolon in them is <semicolon>.
function(read_samples page)
  file(READ ${SOURCE}/${page} text)
  string(REPLACE ";" "<semicolon>" text "${text}")
  string(REGEX MATCHALL "```cpp\n[^`]*```" found "${text}")
  if(NOT found)
    message(FATAL_ERROR "${page} has no C++ samples")
  endif()
  list(TRANSFORM found REPLACE "^```cpp\n|```$" "")
  set(samples "${found}" PARENT_SCOPE)
endfunction()
function(write_source file source)
  string(REPLACE "<semicolon>" ";" source "${source}")
  file(WRITE ${scratch}/samples/${file} "${source}")
endfunction()

# Each sample of these pages is the body of a function that is given what the text around it speaks of.
set(source "#include \"manul/manul.h\"\nusing namespace manul<semicolon>\n")
foreach(page models zoo from_picture_to_gradient from_file_to_update)
  read_samples(docs/${page}.md)
  foreach(body IN LISTS samples)
    string(MD5 name "${body}")
    string(APPEND source "void sample_${name}(Model& model, Dataset& train, Dataset& test, Dataset& data, Tensor& pictures, "
      "Tensor& labels, int steps) {{\n${body}}}\n")
  endforeach()
endforeach()
write_source(samples.cpp "${source}")

# Those of these pages are run: whole programs by themselves, structs for the others to use, and bodies of functions that
# are given a small model and its data (tests/tools/consumer/run_samples.h).
set(name 0)
set(types)
set(functions)
set(calls)
foreach(page README docs/from_keras docs/from_pytorch docs/tutorial)
  read_samples(${page}.md)
  foreach(body IN LISTS samples)
    math(EXPR name "${name} + 1")
    if(body MATCHES "int main\\(")
      write_source(program_${name}.cpp "${body}")
      set(last_program ${scratch}/samples/program_${name}.cpp)
    elseif(body MATCHES "^struct ")
      string(APPEND types "${body}")
    else()
      string(APPEND functions "void sample_${name}([[maybe_unused]] Model& model, [[maybe_unused]] Tensor& x, [[maybe_unused]] Tensor& y, "
        "[[maybe_unused]] Tensor& x_test, [[maybe_unused]] Tensor& y_test) {{\n${body}}}\n")
      string(APPEND calls "{\"${page}.md\", sample_${name}}, ")
    endif()
  endforeach()
endforeach()
write_source(run_samples.cpp "#include \"run_samples.h\"\nusing namespace manul<semicolon>\n${types}${functions}\
int main() { return run_samples({${calls}})<semicolon> }\n")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(code)
    message(FATAL_ERROR "${ARGN}\n${output}")
  endif()
endfunction()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${scratch}/prefix)
include(${SOURCE}/tests/tools/check_headers.cmake)
check_headers(${scratch}/prefix/include)
check_standard_names(${scratch}/prefix/include)
list(TRANSFORM standard_names REPLACE "\\|.*" "" OUTPUT_VARIABLE standard_headers)
list(JOIN standard_headers " " standard_headers)
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/tools/consumer -B ${scratch}/build -G ${GENERATOR}
  -DCMAKE_PREFIX_PATH=${scratch}/prefix -DCMAKE_BUILD_TYPE=Release -DSOURCES=${scratch}/samples
  "-DSTANDARD_HEADERS=${standard_headers}"
  "-DCMAKE_CXX_FLAGS=${FLAGS}" -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
run(${CMAKE_COMMAND} --build ${scratch}/build)
run(${CMAKE_CTEST_COMMAND} --test-dir ${scratch}/build --output-on-failure)

# The same without CMake.
find_program(PKG_CONFIG pkg-config)
if(PKG_CONFIG)
  set(package ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${scratch}/prefix/${LIBDIR}/pkgconfig ${PKG_CONFIG})
  execute_process(COMMAND ${package} --cflags --libs --static manul OUTPUT_VARIABLE options RESULT_VARIABLE code ERROR_VARIABLE options)
  if(code)
    message(FATAL_ERROR "pkg-config does not find manul: ${options}")
  endif()
  separate_arguments(options UNIX_COMMAND "${options}")
  run(${CXX} -O0 ${last_program} -o ${scratch}/without_cmake ${options})
else()
  message(STATUS "pkg-config is not here: manul.pc was not tried")
endif()
