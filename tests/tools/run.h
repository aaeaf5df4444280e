#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace manul {

/// The whole content of `file`; empty if there is none.
inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

inline void write_file(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

/// A folder of a test's own, gone when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = testing::TempDir() + "manul_XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

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
