#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "manul/models/graph/graph.h"

namespace manul {

/// A file of events as TensorFlow writes them (tfevents), which TensorBoard shows: one folder a run, a file
/// of its own each time that a program writes to it. Each event is in the file when its function returns.
/// Throw ErrorKind::failed where that fails.
class EventFile {
 public:
  /// Makes the folder, and in it a new file, events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER.v2.
  explicit EventFile(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return path_; }

  /// A number under a tag ("epoch_loss"), which makes a curve over steps.
  void scalar(const std::string& tag, int64_t step, double value);
  /// A picture, the bytes of a PNG or JPEG file.
  void picture(const std::string& tag, int64_t step, int width, int height, std::string_view file);
  /// Text in Markdown.
  void text(const std::string& tag, int64_t step, const std::string& markdown);
  /// How `values` are distributed, in 30 ranges of equal width; values that are not finite are left out.
  void histogram(const std::string& tag, int64_t step, const std::vector<float>& values);
  /// The layers and how they are connected; nested models are boxes that open.
  void graph(const Graph& graph);

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void summary(int64_t step, const std::string& value);
  void write(const std::string& event);

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Closer> file_;
};

/// True if the folder holds files of events.
bool has_event_files(const std::filesystem::path& folder);

}  // namespace manul
