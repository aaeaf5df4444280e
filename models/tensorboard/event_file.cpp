#include "manul/models/tensorboard/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "manul/framework/error.h"
#include "manul/framework/file_system.h"
#include "manul/framework/system_call.h"
#include "manul/models/tensorboard/graph_definition.h"
#include "manul/models/tensorboard/protobuf.h"
#include "manul/models/tensorboard/record.h"

// The numbers of fields are those of TensorFlow's event.proto, summary.proto, tensor.proto and
// tensor_shape.proto.
namespace manul {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view file_prefix = "events.out.tfevents.";
constexpr int type_float = 1, type_string = 7;                      // DataType
constexpr int class_scalar = 1, class_tensor = 2, class_blobs = 3;  // DataClass

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

ProtobufMessage shape_of(std::initializer_list<int64_t> lengths) {
  ProtobufMessage shape;
  for (int64_t length : lengths) shape.message(2, ProtobufMessage().integer(1, length));
  return shape;
}

ProtobufMessage tensor_of(int type, const ProtobufMessage& shape) {
  return ProtobufMessage().integer(1, type).message(2, shape);
}

/// A summary's value for one of TensorBoard's plugins; `content` is the plugin's own message.
std::string value_for(const char* plugin, int data_class, const std::string& tag,
                      const ProtobufMessage& tensor, const ProtobufMessage& content = {}) {
  ProtobufMessage metadata;
  metadata.message(1, ProtobufMessage().text(1, plugin).message(2, content)).integer(4, data_class);
  return ProtobufMessage().text(1, tag).message(9, metadata).message(8, tensor).bytes();
}

}  // namespace

EventFile::EventFile(const fs::path& folder) {
  static std::atomic<int> count = 0;
  make_folders(folder, ErrorKind::failed);
  char host[256] = "localhost";
  if (::gethostname(host, sizeof host - 1) != 0 || std::strchr(host, '/')) std::strcpy(host, "localhost");
  path_ = folder / fmt::format("{}{:010}.{}.{}.{}.v2", file_prefix, static_cast<int64_t>(seconds_now()), host,
                               ::getpid(), count++);
  int descriptor =
      retried([&] { return ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
  file_.reset(descriptor < 0 ? nullptr : ::fdopen(descriptor, "w"));
  if (!file_) fail(ErrorKind::failed, "{}: cannot be made: {}", path_.string(), std::strerror(errno));
  write(ProtobufMessage().number(1, seconds_now()).text(3, "brain.Event:2").bytes());
}

void EventFile::write(const std::string& event) {
  std::string record = tf_record(event);
  if (std::fwrite(record.data(), 1, record.size(), file_.get()) != record.size() ||
      std::fflush(file_.get()) != 0)
    fail(ErrorKind::failed, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
}

void EventFile::summary(int64_t step, const std::string& value) {
  write(ProtobufMessage()
            .number(1, seconds_now())
            .integer(2, step)
            .message(5, ProtobufMessage().text(1, value))
            .bytes());
}

void EventFile::scalar(const std::string& tag, int64_t step, double value) {
  ProtobufMessage tensor = tensor_of(type_float, shape_of({}));
  tensor.number(5, static_cast<float>(value));
  summary(step, value_for("scalars", class_scalar, tag, tensor));
}

void EventFile::picture(const std::string& tag, int64_t step, int width, int height, std::string_view file) {
  ProtobufMessage tensor = tensor_of(type_string, shape_of({3}));
  tensor.text(8, std::to_string(width)).text(8, std::to_string(height)).text(8, file);
  summary(step, value_for("images", class_blobs, tag, tensor));
}

void EventFile::text(const std::string& tag, int64_t step, const std::string& markdown) {
  ProtobufMessage tensor = tensor_of(type_string, shape_of({}));
  summary(step, value_for("text", class_tensor, tag, tensor.text(8, markdown)));
}

void EventFile::histogram(const std::string& tag, int64_t step, const std::vector<float>& values) {
  constexpr int ranges = 30;
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (float value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, static_cast<double>(value));
    high = std::max(high, static_cast<double>(value));
  }
  if (low > high) return;
  std::vector<int64_t> counts(ranges);
  for (float value : values) {
    if (!std::isfinite(value)) continue;
    // Of equal values all are in the last range, as in TensorBoard's own summary.
    double part = high > low ? (static_cast<double>(value) - low) / (high - low) : 1;
    ++counts[static_cast<size_t>(std::min(static_cast<int>(part * ranges), ranges - 1))];
  }
  double width = high > low ? (high - low) / ranges : 0;
  std::string content;
  for (int i = 0; i < ranges; ++i) {
    double right = i + 1 == ranges ? high : low + width * (i + 1);
    for (double number : {low + width * i, right, static_cast<double>(counts[static_cast<size_t>(i)])}) {
      auto single = static_cast<float>(number);
      char bytes[sizeof single];
      std::memcpy(bytes, &single, sizeof single);
      content.append(bytes, sizeof single);
    }
  }
  summary(step, value_for("histograms", class_tensor, tag,
                          tensor_of(type_float, shape_of({ranges, 3})).text(4, content)));
}

void EventFile::graph(const Graph& graph) {
  write(ProtobufMessage().number(1, seconds_now()).text(4, graph_definition(graph)).bytes());
}

bool has_event_files(const fs::path& folder) {
  if (!is_folder(folder)) return false;
  std::vector<FolderEntry> entries = list_folder(folder, ErrorKind::failed);
  return std::any_of(entries.begin(), entries.end(), [](const FolderEntry& entry) {
    return entry.path.filename().string().starts_with(file_prefix);
  });
}

}  // namespace manul
