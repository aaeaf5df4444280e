#include "manul/framework/archive/zip.h"

#include "manul/framework/archive/library_function.h"

namespace manul::archive {
namespace {

constexpr const char* zips = "zip archives, as .keras files are,";

}  // namespace

std::map<std::string, std::string> read_zip(const std::string& name, int descriptor, const Wanted& wanted) {
  static LibraryRead* const read =
      library_function<LibraryRead>("manul_archive_read", ErrorKind::model_file, zips);
  std::map<std::string, std::string> files;
  std::string reason;
  if (!read(descriptor, wanted, files, reason)) fail(ErrorKind::model_file, "{}: {}", name, reason);
  return files;
}

std::string zip(const std::vector<Entry>& entries) {
  static LibraryWrite* const write =
      library_function<LibraryWrite>("manul_archive_write", ErrorKind::failed, zips);
  std::string image, reason;
  check(write(entries, image, reason), "the archive cannot be written: {}", reason);
  return image;
}

}  // namespace manul::archive
