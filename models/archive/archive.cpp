#include "manul/models/archive/archive.h"

#include "manul/framework/error.h"
#include "manul/framework/module.h"

namespace manul::archive {
namespace {

constexpr const char* module_name = "libmanul_archive.so";

template <class Function>
Function* function_of(const char* symbol, ErrorKind kind) {
  std::string reason;
  auto* function = reinterpret_cast<Function*>(module_function(module_name, symbol, reason));
  if (!function) fail(kind, "zip archives, as .keras files are, cannot be used: {}", reason);
  return function;
}

}  // namespace

std::map<std::string, std::string> read_zip(const std::string& name, int descriptor, const Wanted& wanted) {
  static LibraryRead* const read = function_of<LibraryRead>("manul_archive_read", ErrorKind::model_file);
  std::map<std::string, std::string> files;
  std::string reason;
  if (!read(descriptor, wanted, files, reason)) fail(ErrorKind::model_file, "{}: {}", name, reason);
  return files;
}

std::string zip(const std::vector<Entry>& entries) {
  static LibraryWrite* const write = function_of<LibraryWrite>("manul_archive_write", ErrorKind::failed);
  std::string image, reason;
  check(write(entries, image, reason), "the archive cannot be written: {}", reason);
  return image;
}

}  // namespace manul::archive
