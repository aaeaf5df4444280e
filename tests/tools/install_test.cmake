# Installs the build in BUILD, then builds the C++ example of README as a project of its own. Run with cmake -P.
set(scratch ${BUILD}/install_test)
file(REMOVE_RECURSE ${scratch})

file(READ ${SOURCE}/README.md readme)
string(REGEX MATCH "```cpp\n([^`]*)```" block "${readme}")
if(NOT block)
  message(FATAL_ERROR "README.md has no C++ example")
endif()
string(REGEX REPLACE "^```cpp\n|```$" "" example "${block}")
file(WRITE ${scratch}/main.cpp "${example}")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(code)
    message(FATAL_ERROR "${ARGN}\n${output}")
  endif()
endfunction()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${scratch}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/tools/consumer -B ${scratch}/build -G ${GENERATOR}
  -DCMAKE_PREFIX_PATH=${scratch}/prefix -DCMAKE_BUILD_TYPE=Release -DMAIN=${scratch}/main.cpp
  "-DCMAKE_CXX_FLAGS=${FLAGS}")
run(${CMAKE_COMMAND} --build ${scratch}/build)
