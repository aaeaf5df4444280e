#include "manul/models/keras/h5.h"

#include <algorithm>

#include "manul/framework/atomic_file.h"
#include "manul/framework/error.h"
#include "manul/framework/text.h"
#include "manul/models/keras/json.h"
#include "manul/models/keras/model_file.h"
#include "manul/models/keras/notes.h"
#include "manul/models/keras/training.h"
#include "manul/models/keras/variables.h"

namespace manul {
namespace {

constexpr size_t largest_config = size_t{1} << 24;  // characters
constexpr size_t longest_message = 1000;

/// JSON of an attribute of the root; nothing if there is none.
std::optional<Config> read_json(hdf5::Reader& file, const char* attribute) {
  std::optional<std::string> text = file.text("", attribute);
  if (!text) return std::nullopt;
  if (text->size() > largest_config)
    file.refuse(attribute,
                fmt::format("has {} characters; at most {} are read", text->size(), largest_config));
  return parse_json(*text);
}

[[noreturn]] void refuse_without_config(hdf5::Reader& file) {
  if (file.names("", "layer_names") || keras::has_variables(file))
    file.refuse("", "holds weights alone (of save_weights) and no network; load them into a model");
  file.refuse("", "has no model_config: it is not a Keras model file");
}

/// Theano's convolutions turn their kernels, so the numbers mean something else.
void refuse_flipped_kernels(hdf5::Reader& file, const keras::Architecture& architecture) {
  std::string backend = file.text("", "backend").value_or("");
  if (backend.empty() && file.exists("model_weights"))
    backend = file.text("model_weights", "backend").value_or("");
  if (backend != "theano") return;
  for (const LayerPtr& layer : architecture.graph.leaf_layers())
    if (layer->class_name().find("Conv") != std::string::npos)
      file.refuse("", fmt::format("was written with the backend theano, whose convolutions turn their "
                                  "kernels: layer {} is not supported",
                                  layer->name()));
}

/// Runs `read`; an error is thrown again with the file's name, and shortened if the file made it long.
template <class Read>
auto naming_file(const std::string& path, Read read) {
  try {
    return read();
  } catch (const Error& error) {
    std::string text = error.what();
    if (error.kind() == ErrorKind::device) throw;
    text.erase(0, text.starts_with(path + ": ") ? path.size() + 2 : 0);
    throw Error(ErrorKind::model_file, path + ": " + shortened(text, longest_message));
  }
}

void read_weights(const hdf5::Reader& file, const std::vector<keras::WeightPlace>& places) {
  for (const keras::WeightPlace& place : places)
    keras::read_values(file, place.dataset, *place.parameter, place.parameter->value);
}

/// What a file says besides weights: in attributes of an .h5 file, in files of a .keras archive.
struct FileDescription {
  Config model;
  std::optional<Config> training;
  keras::Version version;
};

FileDescription describe(hdf5::Reader& file) {
  std::optional<Config> config = read_json(file, "model_config");
  if (!config) refuse_without_config(file);
  return {std::move(*config), read_json(file, "training_config"),
          keras::parse_version(file.text("", "keras_version").value_or("1"))};
}

Model load_model(hdf5::Reader& file, const FileDescription& description, const LoadOptions& options) {
  keras::Architecture architecture = keras::read_architecture(description.model, description.version.major);
  refuse_flipped_kernels(file, architecture);
  Model model(std::move(architecture.graph));
  // Shapes are compared with the file before memory is asked for them.
  std::vector<keras::WeightPlace> places = keras::match_weights(file, architecture.layers);
  for (Parameter& parameter : model.parameters().all()) parameter.initializer = Initializer::zeros();
  std::optional<Config> notes = read_json(file, keras::notes_attribute);
  if (notes) keras::read_notes(*notes, model);
  uint64_t seed = notes && options.training ? keras::read_seed(*notes) : 0;
  model.build(
      {.device = options.device, .seed = seed, .gradients = options.training, .fusion = options.fusion});
  read_weights(file, places);
  model.values_were_replaced();
  if (!options.training) {
    if (description.training) model.kept_training_config = *description.training;
    return model;
  }
  if (description.training)
    keras::read_training(file, *description.training, description.version, architecture.layers, model);
  if (std::optional<Config> state = read_json(file, keras::state_attribute))
    keras::read_state(file, std::move(*state), model);
  return model;
}

using Archive = std::optional<keras::ArchiveFile>;

bool is_keras3_weights(const std::string& path) {
  return path.ends_with(".weights.h5");
}

}  // namespace

Model Model::load(const std::string& path, const LoadOptions& options) {
  auto load = [&](hdf5::Reader& file, const Archive& archive) {
    if (!archive) return load_model(file, describe(file), options);
    FileDescription description{archive->model_config, std::nullopt, archive->version};
    if (!archive->training_config.is_null()) description.training = archive->training_config;
    return load_model(file, description, options);
  };
  return naming_file(path, [&] { return keras::with_model_file(path, options.conversion, load); });
}

void load_weights(Model& model, const std::string& path, const LoadWeightsOptions& options) {
  auto load = [&](hdf5::Reader& file, const Archive&) {
    if (!keras::has_layer_names(file) && !keras::has_variables(file)) refuse_without_config(file);
    std::vector<keras::WeightPlace> places =
        keras::match_weights(file, keras::saved_layers(model.graph()),
                             {.by_name = options.by_name, .skip_mismatch = options.skip_mismatch});
    if (!model.is_built()) model.build();
    read_weights(file, places);
    model.values_were_replaced();
    return places.size();
  };
  naming_file(path, [&] { return keras::with_model_file(path, options.conversion, load); });
}

void save_weights(const Model& model, const std::string& path) {
  check(model.is_built(), "save_weights: {}: the model has no weights yet, build it first", path);
  hdf5::Group root;
  if (is_keras3_weights(path))
    keras::write_variables(root, model, true);
  else
    keras::write_weights(root, model.graph());
  write_file_atomically(path, hdf5::image(root));
}

std::string to_json(const Model& model) {
  return json_text(keras::architecture_config(model.graph()));
}

Model model_from_json(const std::string& text) {
  Config config = parse_json(text);
  // A text of to_json() says which Keras wrote it; without that, Keras 3's inputs have another key.
  bool has_version = config.find("keras_version") != nullptr;
  int version = has_version ? keras::parse_version(config.get("keras_version", "2.10.0")).major
                            : (config.find("module") ? 3 : 2);
  keras::Architecture architecture = keras::read_architecture(config, version);
  return Model(std::move(architecture.graph));
}

void Model::save(const std::string& path) const {
  check(is_built(), "save: {}: the model has no weights yet, build it first", path);
  bool archive = path.ends_with(".keras");
  hdf5::Group root;
  root.set_text(keras::notes_attribute, json_text(keras::notes_config(*this)));
  keras::write_state(root, training_state);
  if (archive) {
    keras::write_variables(root, *this, true);
    return write_file_atomically(path, keras::archive_image(*this, hdf5::image(root)));
  }
  root.set_text("keras_version", "2.10.0", hdf5::Charset::utf8);
  root.set_text("backend", "tensorflow", hdf5::Charset::utf8);
  root.set_text("model_config", json_text(keras::architecture_config(graph_)));
  keras::write_weights(root.group("model_weights"), graph_);
  if (is_compiled()) {
    root.set_text("training_config", json_text(keras::training_config(*this)));
    keras::write_optimizer(root.group("optimizer_weights"), *this);
  } else if (!kept_training_config.is_null()) {
    root.set_text("training_config", json_text(kept_training_config));
  }
  write_file_atomically(path, hdf5::image(root));
}

}  // namespace manul
