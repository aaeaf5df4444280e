#include "manul/models/keras/archive_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "manul/framework/archive/zip.h"
#include "manul/framework/available_memory.h"
#include "manul/framework/config/json.h"
#include "manul/framework/error.h"
#include "manul/framework/system_call.h"
#include "manul/layers/config/registry.h"
#include "manul/models/keras/optimizer_state.h"

namespace manul::keras {
namespace {

constexpr const char* config_name = "config.json";
constexpr const char* metadata_name = "metadata.json";
constexpr const char* weights_name = "model.weights.h5";
constexpr uint64_t largest_text = uint64_t{1} << 24;
constexpr uint64_t unpacking_factor = 64;

/// A file in memory with this content, called after the archive.
std::shared_ptr<const hdf5::OpenFile> memory_file(const std::string& name, const std::string& content) {
  int descriptor = ::memfd_create("manul-unpacked", MFD_CLOEXEC);
  if (descriptor < 0) fail(ErrorKind::model_file, "{}: cannot be unpacked: {}", name, std::strerror(errno));
  auto file = std::make_shared<const hdf5::OpenFile>(name, descriptor);
  for (size_t done = 0; done < content.size();) {
    ssize_t put = retried([&] { return ::write(descriptor, content.data() + done, content.size() - done); });
    if (put <= 0) fail(ErrorKind::model_file, "{}: cannot be unpacked: {}", name, std::strerror(errno));
    done += static_cast<size_t>(put);
  }
  return std::make_shared<const hdf5::OpenFile>(name, ::dup(descriptor));
}

/// What serialize_keras_object() wraps, plain: functions by their names, tuples as lists.
Config plain(const Config& value) {
  if (value.is_list()) {
    Config::List list;
    for (const Config& item : value.as_list()) list.push_back(plain(item));
    return list;
  }
  if (!value.is_map()) return value;
  std::string class_name = value.find("class_name") && value.at("class_name").is_string()
                               ? value.at("class_name").as_string()
                               : std::string();
  const Config* registered = value.find("registered_name");
  if (registered && registered->is_string() && registered->as_string().ends_with(">" + class_name))
    class_name = registered->as_string();  // somebody's own: "Mine>Momenta"
  if (class_name == "__tuple__" && value.find("items")) return plain(value.at("items"));
  if (class_name == "function" && value.find("config") && value.at("config").is_string())
    return value.at("config");
  Config map = Config::map();
  for (const Config::Entry& entry : value.as_map())
    map.set(entry.key,
            entry.key == "class_name" && !class_name.empty() ? Config(class_name) : plain(entry.value));
  return map;
}

Config training_of(const Config* compile) {
  if (!compile || !compile->is_map() || !compile->find("optimizer") || compile->at("optimizer").is_null())
    return {};
  Config training = Config::map();
  for (const Config::Entry& entry : compile->as_map())
    training.set(entry.key == "optimizer" ? "optimizer_config" : entry.key, entry.value);
  return training;
}

/// An object of Keras' own as Keras 3 names it: with the module that its class is in.
Config keras_object(std::string_view module, const std::string& class_name, Config config) {
  bool own = class_name.find('>') != std::string::npos;
  return Config::map({{"module", own ? Config() : Config(std::string(module))},
                      {"class_name", class_name.substr(own ? class_name.find('>') + 1 : 0)},
                      {"config", std::move(config)},
                      {"registered_name", own ? Config(class_name) : Config()}});
}

/// A network of .h5 files, by Keras 3's names.
Config keras3_network(const Config& network) {
  Config config = Config::map();
  for (const Config::Entry& entry : network.at("config").as_map()) {
    if (entry.key != "layers") {
      config.set(entry.key, entry.value);
      continue;
    }
    Config::List layers;
    for (const Config& layer : entry.value.as_list()) {
      std::string class_name = layer.at("class_name").as_string();
      Config made;
      if (layer.at("config").find("layers")) {
        made = keras3_network(layer);
      } else {
        Config options = Config::map();
        for (const Config::Entry& option : layer.at("config").as_map())
          if (option.key != "ragged" || class_name != "InputLayer")
            options.set(option.key == "batch_input_shape" ? "batch_shape" : option.key, option.value);
        made = keras_object(keras_module_of(class_name), class_name, std::move(options));
      }
      for (const char* key : {"name", "inbound_nodes"})
        if (const Config* kept = layer.find(key)) made.set(key, *kept);
      layers.push_back(std::move(made));
    }
    config.set("layers", std::move(layers));
  }
  std::string class_name = network.at("class_name").as_string();
  return keras_object(class_name == "Sequential" ? "keras" : "keras.src.models.functional", class_name,
                      std::move(config));
}

/// `value` with the module of each object {class_name, config} in it.
Config with_module(const Config& value, const char* module) {
  if (value.is_list()) {
    Config::List list;
    for (const Config& item : value.as_list()) list.push_back(with_module(item, module));
    return list;
  }
  if (!value.is_map() || value.find("module")) return value;
  const Config* class_name = value.find("class_name");
  if (class_name && class_name->is_string() && value.find("config"))
    return keras_object(module, class_name->as_string(), value.at("config"));
  Config map = Config::map();
  for (const Config::Entry& entry : value.as_map()) map.set(entry.key, with_module(entry.value, module));
  return map;
}

Config compile_of(const Config& training) {
  Config compile = Config::map();
  for (const Config::Entry& entry : training.as_map()) {
    if (entry.key != "optimizer_config") {
      compile.set(entry.key,
                  with_module(entry.value, entry.key == "loss" ? "keras.losses" : "keras.metrics"));
      continue;
    }
    Config options = Config::map();
    for (const Config::Entry& option : entry.value.at("config").as_map())
      if (option.key != "decay" && option.key != "jit_compile" && option.key != "is_legacy_optimizer")
        options.set(option.key, with_module(option.value, "keras.optimizers.schedules"));
    std::string name = entry.value.at("class_name").as_string();
    if (name.starts_with("Custom>")) name = name.substr(7);  // tf.keras 2.15 writes its own so
    compile.set("optimizer", keras_object("keras.optimizers", name, std::move(options)));
  }
  compile.set("run_eagerly", false);
  compile.set("steps_per_execution", 1);
  compile.set("jit_compile", false);
  return compile;
}

}  // namespace

bool is_archive(const hdf5::OpenFile& file) {
  char mark[4] = {};
  return ::pread(file.descriptor(), mark, sizeof(mark), 0) == sizeof(mark) &&
         std::memcmp(mark, "PK\3\4", sizeof(mark)) == 0;
}

ArchiveFile read_archive(const hdf5::OpenFile& file) {
  uint64_t largest = std::min({hdf5::OpenFile::largest, unpacking_factor * (file.size() + (1 << 20)),
                               static_cast<uint64_t>(available_memory()) / 4});
  std::map<std::string, std::string> files =
      archive::read_zip(file.name(), file.descriptor(), [&](const std::string& name) -> uint64_t {
        return name == weights_name                           ? largest
               : name == config_name || name == metadata_name ? largest_text
                                                              : 0;
      });
  if (!files.count(config_name))
    fail(ErrorKind::model_file, "{}: is a zip archive without {}: it is not a .keras file", file.name(),
         config_name);
  if (!files.count(weights_name))
    fail(ErrorKind::model_file, "{}: is a .keras file without {}", file.name(), weights_name);
  ArchiveFile found;
  Config config = plain(parse_json(files.at(config_name)));
  found.training_config = training_of(config.find("compile_config"));
  found.version = {3, 0, 0};
  if (files.count(metadata_name))
    found.version = parse_version(parse_json(files.at(metadata_name)).get("keras_version", "3.0.0"));
  found.model_config = std::move(config);
  found.weights = memory_file(file.name(), files.at(weights_name));
  return found;
}

std::string archive_image(const Model& model, std::string weights) {
  Config config = keras3_network(architecture_config(model.graph(), 3));
  if (model.is_compiled()) check_keras3_holds(model.optimizer());
  if (model.is_compiled())
    config.set("compile_config", compile_of(training_config(model)));
  else if (model.kept_training_config.find("optimizer_config"))
    config.set("compile_config", compile_of(model.kept_training_config));
  return archive::zip({{metadata_name, json_text(Config::map({{"keras_version", "3.8.0"}}))},
                       {config_name, json_text(config)},
                       {weights_name, std::move(weights)}});
}

}  // namespace manul::keras
