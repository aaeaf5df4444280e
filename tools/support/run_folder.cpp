#include "manul/tools/support/run_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "manul/data/datasets/picture_files.h"
#include "manul/framework/atomic_file.h"
#include "manul/framework/config/json.h"
#include "manul/framework/file.h"
#include "manul/framework/file_system.h"
#include "manul/tools/support/terminal.h"

namespace manul {

namespace fs = std::filesystem;

void RunFolder::require_place(const fs::path& project, const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
    fail(ErrorKind::usage, "name: '{}' cannot be the name of a folder", name);
  fs::path there = absolute_path(project);
  while (::access(there.c_str(), F_OK) != 0 && there.has_relative_path()) there = there.parent_path();
  if (::access(there.c_str(), W_OK | X_OK) != 0)
    fail(ErrorKind::usage,
         "project: {}: no folder can be made there: {}; --project names another place, --no-run-folder does "
         "without",
         project.string(), std::strerror(errno));
}

RunFolder::RunFolder(const fs::path& project, const std::string& name) {
  constexpr int most_runs = 1000000;
  require_place(project, name);
  make_folders(project, ErrorKind::usage);
  for (int number = 1; number < most_runs; ++number) {
    path_ = project / (number == 1 ? name : name + std::to_string(number));
    if (::mkdir(path_.c_str(), 0777) == 0) {
      // Training that is called inside its data has its runs there, whose pictures are none of the data.
      if (!is_file(project / no_class_marker)) write_bytes(project / no_class_marker, {});
      return;
    }
    if (errno != EEXIST)
      fail(ErrorKind::usage, "{}: cannot be made: {}", path_.string(), std::strerror(errno));
  }
  fail(ErrorKind::usage, "{}: there are {} runs already", path_.string(), most_runs);
}

void RunFolder::keep_log() const {
  keep_log_in(file("log.txt").string());
}

void RunFolder::write(const std::string& name, const std::string& text) const {
  write_file_atomically(file(name).string(), text);
}

void RunFolder::add(const std::string& name, const fs::path& other) const {
  // Not the link, which will lead elsewhere.
  link_or_copy(link_target(other, ErrorKind::failed), file(name), ErrorKind::failed);
}

std::string json_lines(const Config& map) {
  std::string text = "{";
  for (const Config::Entry& entry : map.as_map())
    text += fmt::format("{}\n  {}: {}", text.size() > 1 ? "," : "", json_text(Config(entry.key)),
                        json_text(entry.value));
  return text + "\n}\n";
}

}  // namespace manul
