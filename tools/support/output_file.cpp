#include "manul/tools/support/output_file.h"

#include "manul/framework/atomic_file.h"
#include "manul/framework/file_system.h"

namespace manul {

namespace fs = std::filesystem;

void prepare_output_file(const fs::path& file, int64_t bytes) {
  if (file.empty()) fail(ErrorKind::usage, "output: the name of the file is empty");
  try {
    FileType type = file_type(file, ErrorKind::usage);
    if (type == FileType::folder) fail(ErrorKind::usage, "{} is a folder, not a file", file.string());
    if (type == FileType::other) fail(ErrorKind::usage, "{} is not a regular file", file.string());
    make_folders(absolute_path(file).parent_path(), ErrorKind::usage);
    require_writable(file.string());
  } catch (const Error& error) {
    fail(ErrorKind::usage, "output: {}", error.what());
  }
  require_writable(file.string(), bytes);
}

void require_two_files(const fs::path& output, const fs::path& other, const std::string& what) {
  if (is_same_file(output, other) ||
      link_target(output, ErrorKind::usage) == link_target(other, ErrorKind::usage))
    fail(ErrorKind::usage, "output: {} is the file of {} as well; choose another name", output.string(),
         what);
}

}  // namespace manul
