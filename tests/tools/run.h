#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "manul/tests/temporary_folder.h"

namespace manul {

/// What a program did.
struct Outcome {
  int code;  // the exit code; 128 + N if signal N ended it
  std::string output, errors;
};

/// Runs a line of shell in `folder`, with the built programs on the PATH.
inline Outcome run(const std::filesystem::path& folder, const std::string& line) {
  TemporaryFolder streams;
  std::string command = "cd '" + folder.string() + "' && export PATH='" MANUL_TOOLS_DIR "':\"$PATH\" && { " +
                        line + "\n} >'" + (streams / "out").string() + "' 2>'" + (streams / "err").string() +
                        "'";
  int status = std::system(command.c_str());
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, read_file(streams / "out"), read_file(streams / "err")};
}

}  // namespace manul
