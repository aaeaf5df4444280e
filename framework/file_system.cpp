#include "manul/framework/file_system.h"

#include <glob.h>

#include <algorithm>
#include <system_error>

namespace manul {
namespace {

namespace fs = std::filesystem;

FileType type_of(const fs::file_status& status) {
  switch (status.type()) {
    case fs::file_type::none:
    case fs::file_type::not_found:
      return FileType::missing;
    case fs::file_type::regular:
      return FileType::file;
    case fs::file_type::directory:
      return FileType::folder;
    default:
      return FileType::other;
  }
}

}  // namespace

FileType file_type(const fs::path& path, ErrorKind kind) {
  std::error_code error;
  fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::none) fail(kind, "{}: {}", path.string(), error.message());
  return type_of(status);
}

bool is_folder(const fs::path& path) noexcept {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool is_file(const fs::path& path) noexcept {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_same_file(const fs::path& a, const fs::path& b) noexcept {
  std::error_code error;
  return fs::equivalent(a, b, error);
}

std::vector<FolderEntry> list_folder(const fs::path& folder, ErrorKind kind) {
  std::error_code error, unknown;
  std::vector<FolderEntry> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    entries.push_back({it->path(), type_of(it->status(unknown)), it->is_symlink(unknown)});
  if (error) fail(kind, "{}: the folder cannot be read: {}", folder.string(), error.message());
  std::sort(entries.begin(), entries.end(), [](const FolderEntry& a, const FolderEntry& b) {
    return a.path.filename().native() < b.path.filename().native();
  });
  return entries;
}

bool is_pattern(const std::string& text) {
  return text.find_first_of("*?[") != std::string::npos;
}

std::vector<fs::path> files_that_fit(const std::string& pattern) {
  glob_t found{};
  std::vector<fs::path> files;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return files;
}

fs::path absolute_path(const fs::path& path) {
  std::error_code error;
  fs::path absolute = fs::absolute(path, error);
  return error ? path : absolute;
}

fs::path link_target(const fs::path& path, ErrorKind kind) {
  constexpr int most_links = 40;  // the system's own limit
  fs::path target = absolute_path(path);
  std::error_code error;
  for (int links = 0; fs::is_symlink(target, error); ++links) {
    if (links == most_links) fail(kind, "{}: is a link that leads to itself", path.string());
    fs::path next = fs::read_symlink(target, error);
    if (error) fail(kind, "{}: {}", path.string(), error.message());
    target = target.parent_path() / next;
  }
  fs::path folder = fs::weakly_canonical(target.parent_path(), error);
  return error ? target : folder / target.filename();
}

fs::path program_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

fs::path temporary_folder() {
  std::error_code error;
  fs::path folder = fs::temp_directory_path(error);
  return error ? fs::path("/tmp") : folder;
}

void make_folders(const fs::path& folder, ErrorKind kind) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(kind, "{}: the folder cannot be made: {}", folder.string(), error.message());
}

void rename_path(const fs::path& from, const fs::path& to, ErrorKind kind) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) fail(kind, "{}: cannot be renamed to {}: {}", from.string(), to.string(), error.message());
}

void link_or_copy(const fs::path& from, const fs::path& to, ErrorKind kind) {
  std::error_code error;
  fs::create_hard_link(from, to, error);
  if (error) fs::copy_file(from, to, error);
  if (error) fail(kind, "{}: cannot be written: {}", to.string(), error.message());
}

void remove_tree(const fs::path& path) noexcept {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

}  // namespace manul
