#include "manul/tools/support/output_file.h"

#include <algorithm>
#include <cctype>

#include "manul/data/image/image_io.h"
#include "manul/framework/atomic_file.h"
#include "manul/framework/file_system.h"

namespace manul {

namespace fs = std::filesystem;

namespace {

std::string ending_of(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return ending;
}

bool is_jpeg_name(const fs::path& file) {
  return ending_of(file) == ".jpg" || ending_of(file) == ".jpeg";
}

}  // namespace

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

void require_picture_name(const fs::path& file, const char* option) {
  std::string ending = ending_of(file);
  if (ending.empty() || ending == ".png" || is_jpeg_name(file)) return;
  fail(ErrorKind::usage, "{}: {} would be no {} file: pictures are written as .png or .jpg", option,
       file.string(), ending);
}

void save_picture(const fs::path& file, const Image& picture) {
  constexpr int quality = 95;
  is_jpeg_name(file) ? save_jpeg(file, picture, quality) : save_png(file, picture);
}

}  // namespace manul
