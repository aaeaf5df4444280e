#include "manul/models/keras/info.h"

#include <unistd.h>

#include <map>
#include <optional>

#include "manul/framework/config/json.h"
#include "manul/framework/error.h"
#include "manul/framework/text.h"
#include "manul/models/graph/layer_table.h"
#include "manul/models/keras/model_file.h"
#include "manul/models/keras/notes.h"
#include "manul/models/keras/variables.h"

namespace manul::keras {
namespace {

constexpr int largest_depth = 16;
constexpr int longest_shown_name = 100;
constexpr size_t most_classes = 200;  // of layers that are told apart

std::string counted(size_t count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string bytes_text(uint64_t bytes) {
  constexpr uint64_t kibi = 1024;
  if (bytes < 10 * kibi) return fmt::format("{} bytes", bytes);
  double size = static_cast<double>(bytes) / static_cast<double>(kibi);
  if (bytes < 10 * kibi * kibi) return fmt::format("{:.0f} KiB", size);
  return fmt::format("{:.1f} MiB", size / static_cast<double>(kibi));
}

/// A text as it stands; of an object {class_name, config} the class; anything else as JSON.
std::string told(const Config& value) {
  if (value.is_string()) return shortened(value.as_string(), longest_shown_name);
  if (value.is_map() && value.find("class_name")) {
    // tf.keras 2 wraps functions in one class.
    const Config* config = value.find("config");
    bool wrapped = value.at("class_name") == Config("MeanMetricWrapper") && config && config->is_map();
    return wrapped && config->find("name") ? told(config->at("name")) : told(value.at("class_name"));
  }
  if (value.is_null()) return "none";
  if (!value.is_list() && !value.is_map()) return value.text();
  std::string text;
  auto add = [&](const std::string& item) { text += (text.empty() ? "" : ", ") + item; };
  if (value.is_list())
    for (const Config& item : value.as_list()) add(told(item));
  else
    for (const Config::Entry& entry : value.as_map()) add(entry.key + " " + told(entry.value));
  return text.empty() ? "none" : shortened(text, 2 * longest_shown_name);
}

std::string told(const Config& config, std::string_view key) {
  const Config* value = config.find(key);
  return value ? told(*value) : "none";
}

/// How often each class of layers is in a network and the models in it.
struct LayerCounts {
  std::vector<std::string> order;
  std::map<std::string, size_t> counts;

  void add(const Config& network, int depth = 0) {
    const Config* config = network.find("config");
    const Config* layers = !config ? nullptr : config->is_list() ? config : config->find("layers");
    if (!layers || !layers->is_list() || depth > largest_depth) return;
    for (const Config& layer : layers->as_list()) {
      std::string name = layer.is_map() ? told(layer, "class_name") : "none";
      if (!counts.contains(name) && order.size() == most_classes) name = "others";
      if (counts[name]++ == 0) order.push_back(name);
      if (layer.is_map()) add(layer, depth + 1);
    }
  }

  std::string text() const {
    std::string text;
    for (const std::string& name : order) {
      size_t count = counts.at(name);
      text += text.empty() ? "" : ", ";
      text += count == 1 ? name : fmt::format("{} {}", count, name);
    }
    return text.empty() ? "none" : text;
  }
};

struct Sizes {
  size_t tensors = 0;
  uint64_t values = 0, bytes = 0;

  void add(hdf5::Reader& file, const std::string& group, int depth = 0) {
    if (depth > largest_depth) return;
    for (const std::string& member : file.members(group)) {
      if (group.empty() && (member.starts_with("optimizer") || member.starts_with("manul"))) continue;
      std::string path = group.empty() ? member : group + "/" + member;
      if (file.is_group(path)) {
        add(file, path, depth + 1);
        continue;
      }
      hdf5::Dataset dataset = file.dataset(path);
      ++tensors;
      values += static_cast<uint64_t>(dataset.shape.elements());
      bytes += static_cast<uint64_t>(dataset.shape.elements()) * dataset.type.size;
    }
  }
};

const char* kind_of(const hdf5::OpenFile& file) {
  constexpr std::string_view mark = "\x89HDF\r\n\x1a\n";
  std::string begin(mark.size(), '\0');
  bool read = ::pread(file.descriptor(), begin.data(), begin.size(), 0) == static_cast<ssize_t>(begin.size());
  if (is_archive(file)) return "zip archive";
  return read && begin == mark ? "HDF5" : "neither HDF5 nor a zip archive";
}

std::optional<Config> json_of(hdf5::Reader& file, const char* attribute) {
  std::optional<std::string> text = file.text("", attribute);
  if (!text) return std::nullopt;
  return parse_json(*text);
}

/// Gathers the facts of one file.
class Inspection {
 public:
  explicit Inspection(std::string path) : path_(std::move(path)) {}

  FileInfo run() {
    {
      hdf5::OpenFile file(path_);  // throws where there is none
      say("file", fmt::format("{}, {}", kind_of(file), bytes_text(file.size())));
    }
    try {
      FileInfo begun = info_;
      with_model_file(path_, true, [&](hdf5::Reader& reader, const std::optional<ArchiveFile>& archive) {
        info_ = begun;  // a second reader begins anew
        describe(reader, archive);
        return 0;
      });
    } catch (const Error& error) {
      info_.problem = without_path(error.what());
      return std::move(info_);
    }
    if (has_network_) try_it();
    return std::move(info_);
  }

 private:
  void say(const std::string& name, const std::string& text) { info_.facts.emplace_back(name, text); }

  std::string without_path(std::string text) const {
    if (text.starts_with(path_ + ": ")) text.erase(0, path_.size() + 2);
    return text;
  }

  void describe(hdf5::Reader& reader, const std::optional<ArchiveFile>& archive) {
    std::optional<Config> network, training, notes = json_of(reader, notes_attribute);
    std::string version = reader.text("", "keras_version").value_or("");
    if (archive) {
      version =
          fmt::format("{}.{}.{}", archive->version.major, archive->version.minor, archive->version.patch);
      network = archive->model_config;
      if (!archive->training_config.is_null()) training = archive->training_config;
    } else {
      network = json_of(reader, "model_config");
      training = json_of(reader, "training_config");
    }
    say("written by", writer(reader, version, notes));
    has_network_ = network && network->is_map();
    if (has_network_)
      describe_network(*network);
    else if (has_variables(reader) || has_layer_names(reader))
      say("model", "none: weights alone, for load_weights() or a model built in code");
    else
      reader.refuse("", "has no model_config: it is not a Keras model file");
    if (training && training->is_map()) describe_training(*training);
    if (!training && has_network_) say("loss", "none: the file does not say how to train");
    describe_weights(reader);
    if (notes) {
      if (const Config* classes = notes->find("class_names")) say("classes", told(*classes));
    }
  }

  static std::string writer(hdf5::Reader& reader, const std::string& version,
                            const std::optional<Config>& notes) {
    std::string backend = reader.text("", "backend").value_or("");
    if (notes) return "Manul, in the form of Keras " + version;
    if (version.empty())
      return has_variables(reader) ? "Keras 3, or tf.keras 2.12 or newer" : "a Keras that does not say which";
    return "Keras " + version + (backend.empty() ? "" : " on " + backend);
  }

  void describe_network(const Config& network) {
    const Config* config = network.find("config");
    std::string name = config && config->is_map() && config->find("name") ? " " + told(*config, "name") : "";
    say("model", told(network, "class_name") + name);
    LayerCounts layers;
    layers.add(network);
    say("layers", layers.text());
  }

  void describe_training(const Config& training) {
    say("loss", told(training, "loss"));
    say("metrics", told(training, "metrics"));
    if (const Config* optimizer = training.find("optimizer_config")) {
      const Config* options = optimizer->find("config");
      const Config* rate = options && options->is_map() ? options->find("learning_rate") : nullptr;
      say("optimizer", told(*optimizer) + (rate ? ", learning rate " + told(*rate) : ""));
    }
  }

  void describe_weights(hdf5::Reader& reader) {
    Sizes sizes;
    sizes.add(reader, reader.exists("model_weights") ? "model_weights" : "");
    say("weights", fmt::format("{} in {}, {}", counted(sizes.values, "number"),
                               counted(sizes.tensors, "tensor"), bytes_text(sizes.bytes)));
    size_t state = optimizer_tensors(reader).size();
    say("optimizer state", state == 0 ? "none" : counted(state, "tensor"));
  }

  /// Whether the model predicts, and is trained further, here; "yes", or why not.
  void try_it() {
    std::string predicts = try_to_load(false), trains = predicts == "yes" ? try_to_load(true) : predicts;
    say("predicts here", predicts);
    say("trains here", trains);
  }

  std::string try_to_load(bool training) {
    try {
      Model model = Model::load(path_, {.training = training});
      if (!training) {
        info_.summary = layer_table(model);
        auto shapes = [&](const std::vector<int>& nodes) {
          std::string text;
          for (int node : nodes)
            text += (text.empty() ? "" : ", ") + fmt::format("{}", model.graph().nodes()[node].shape);
          return text;
        };
        say("inputs", shapes(model.graph().inputs()) + " a sample");
        say("outputs", shapes(model.graph().outputs()) + " a sample");
        return "yes";
      }
      return model.is_compiled() ? "yes" : "after compile(): the file says no loss and no optimizer";
    } catch (const Error& error) {
      return "no: " + without_path(error.what());
    }
  }

  std::string path_;
  FileInfo info_;
  bool has_network_ = false;
};

}  // namespace

FileInfo file_info(const std::string& path) {
  return Inspection(path).run();
}

}  // namespace manul::keras
