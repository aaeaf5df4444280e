#pragma once

#include <filesystem>
#include <string>

#include "manul/framework/config/config.h"

namespace manul {

/// The folder PROJECT/NAME, NAME2, ... that holds what one run made: never one that is there already.
class RunFolder {
 public:
  /// Makes the folder. Throws ErrorKind::usage with the reason if that cannot be done.
  RunFolder(const std::filesystem::path& project, const std::string& name);

  /// Throws ErrorKind::usage where none could be made; makes nothing.
  static void require_place(const std::filesystem::path& project, const std::string& name);

  /// A folder that is there, whoever made it.
  static RunFolder at(const std::filesystem::path& folder) { return RunFolder(folder); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }
  /// From now on what was printed before and what will be stands in log.txt, line by line.
  void keep_log() const;
  /// Writes a text file.
  void write(const std::string& name, const std::string& text) const;
  /// `file` under another name in this folder: a link where the disk can, otherwise a copy.
  void add(const std::string& name, const std::filesystem::path& file) const;

 private:
  explicit RunFolder(std::filesystem::path folder) : path_(std::move(folder)) {}
  std::filesystem::path path_;
};

/// JSON of a map in lines, one an entry, for people.
std::string json_lines(const Config& map);

}  // namespace manul
