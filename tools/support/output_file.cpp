#include "manul/tools/support/output_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "manul/framework/error.h"

namespace manul {

namespace fs = std::filesystem;

void prepare_output_file(const fs::path& file) {
  if (file.empty()) fail(ErrorKind::usage, "output: the name of the file is empty");
  std::error_code error;
  fs::file_status status = fs::status(file, error);
  if (fs::is_directory(status)) fail(ErrorKind::usage, "output: {} is a folder, not a file", file.string());
  if (fs::exists(status) && !fs::is_regular_file(status))
    fail(ErrorKind::usage, "output: {} is not a regular file", file.string());
  fs::path folder = fs::absolute(file).parent_path();
  fs::create_directories(folder, error);
  if (error)
    fail(ErrorKind::usage, "output: the folder {} cannot be made: {}", folder.string(), error.message());
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    fail(ErrorKind::usage, "output: no file can be written to {}: {}", folder.string(), std::strerror(errno));
}

}  // namespace manul
