#include "manul/models/keras/h5.h"

#include <algorithm>
#include <set>

#include "manul/framework/atomic_file.h"
#include "manul/framework/config/json.h"
#include "manul/framework/distributed/communicator.h"
#include "manul/framework/error.h"
#include "manul/framework/text.h"
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

namespace {

/// The places of a model's weights in a file, and what was found.
struct FoundWeights {
  std::vector<keras::WeightPlace> places;
  LoadedWeights report;
};

FoundWeights find_weights(hdf5::Reader& file, const Archive& archive,
                          const std::vector<keras::SavedLayer>& layers, const LoadWeightsOptions& options) {
  FoundWeights found;
  found.report.by_name = options.by_name;
  std::vector<keras::StoredLayer> stored;  // the file's layers with weights
  if (options.by_name && archive && !keras::has_layer_names(file)) {
    keras::Architecture theirs = keras::read_architecture(archive->model_config, archive->version.major);
    Model declared(std::move(theirs.graph));
    found.places = keras::match_stored(file, theirs.layers, layers, options.skip_mismatch);
    for (const keras::SavedLayer& layer : theirs.layers)
      if (!keras::saved_parameters(layer).empty()) stored.push_back({layer.name, {}});
  } else {
    found.places = keras::match_weights(file, layers,
                                        {.by_name = options.by_name, .skip_mismatch = options.skip_mismatch});
    if (options.by_name) stored = keras::stored_layers(file);
  }
  std::set<const Parameter*> placed;
  for (const keras::WeightPlace& place : found.places) placed.insert(place.parameter);
  std::set<std::string> there, here;
  for (const keras::StoredLayer& layer : stored) {
    there.insert(layer.name);
    there.insert(layer.parts.begin(), layer.parts.end());
  }
  for (const keras::SavedLayer& layer : layers) {
    std::vector<Parameter*> parameters = keras::saved_parameters(layer);
    if (parameters.empty()) continue;
    here.insert(layer.name);
    if (placed.contains(parameters[0]))
      found.report.loaded.push_back(layer.name);
    else if (options.by_name && !there.contains(layer.name))
      found.report.not_in_file.push_back(layer.name);
    else
      found.report.other_shapes.push_back(layer.name);
  }
  auto is_here = [&](const std::string& name) { return here.contains(name); };
  for (const keras::StoredLayer& layer : stored)
    if (!is_here(layer.name) && std::none_of(layer.parts.begin(), layer.parts.end(), is_here))
      found.report.not_in_model.push_back(layer.name);
  return found;
}

}  // namespace

LoadedWeights load_weights(Model& model, const std::string& path, const LoadWeightsOptions& options) {
  auto load = [&](hdf5::Reader& file, const Archive& archive) {
    if (!keras::has_layer_names(file) && !keras::has_variables(file)) refuse_without_config(file);
    FoundWeights found = find_weights(file, archive, keras::saved_layers(model.graph()), options);
    if (!model.is_built()) model.build();
    read_weights(file, found.places);
    if (!found.places.empty()) model.values_were_replaced();
    return std::move(found.report);
  };
  return naming_file(path, [&] { return keras::with_model_file(path, options.conversion, load); });
}

void save_weights(const Model& model, const std::string& path) {
  check(model.is_built(), "save_weights: {}: the model has no weights yet, build it first", path);
  if (!processes().is_first()) return;
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
  checked_parameters();
  check(is_built(), "save: {}: the model has no weights yet, build it first", path);
  if (!processes().is_first()) return;
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
