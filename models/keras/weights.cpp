#include "manul/models/keras/weights.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "manul/framework/error.h"
#include "manul/models/keras/variables.h"

namespace manul::keras {
namespace {

/// An exponent of all ones is infinity or NaN. Written on bits so that it runs at memory speed.
bool all_finite(std::span<const float> values) {
  uint32_t largest = 0;
  for (float value : values) largest = std::max(largest, std::bit_cast<uint32_t>(value) & 0x7fffffffU);
  return largest < 0x7f800000U;
}

/// The transpose of a [rows, columns] matrix. HWIO and OHWI are transposes of each other, [HWI, O] and [O,
/// HWI].
std::vector<float> transposed(std::span<const float> values, int64_t rows, int64_t columns) {
  std::vector<float> result(values.size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      result[column * rows + row] = values[row * columns + column];
  return result;
}

std::string joined(const std::string& group, const std::string& name) {
  return group.empty() ? name : group + "/" + name;
}

/// A file's layer that has weights.
struct FileLayer {
  std::string name;
  std::string path;  // of the group that its weights are named from
  std::vector<std::string> weights;
};

std::vector<FileLayer> layers_with_weights(hdf5::Reader& file, const std::string& group) {
  std::optional<std::vector<std::string>> names = file.names(group, "layer_names");
  if (!names) file.refuse(group, "has no attribute layer_names: it is not a Keras model file");
  std::vector<FileLayer> layers;
  for (const std::string& name : *names) {
    std::string path = joined(group, name);
    std::optional<std::vector<std::string>> weights = file.names(path, "weight_names");
    if (!weights) file.refuse(path, "has no attribute weight_names");
    if (!weights->empty()) layers.push_back({name, path, std::move(*weights)});
  }
  return layers;
}

/// The layers that the names of a nested model's weights speak of: "conv1" of "conv1/kernel:0".
std::vector<FileLayer> parts_of(const FileLayer& layer) {
  std::vector<FileLayer> parts;
  for (const std::string& weight : layer.weights) {
    size_t end = weight.rfind('/');
    if (end == std::string::npos) continue;
    size_t begin = end == 0 ? std::string::npos : weight.rfind('/', end - 1);
    begin = begin == std::string::npos ? 0 : begin + 1;
    std::string name = weight.substr(begin, end - begin);
    if (name == layer.name) continue;
    auto known =
        std::find_if(parts.begin(), parts.end(), [&](const FileLayer& part) { return part.name == name; });
    if (known == parts.end()) known = parts.insert(parts.end(), {name, layer.path, {}});
    known->weights.push_back(weight);
  }
  return parts;
}

}  // namespace

std::vector<Parameter*> saved_parameters(const SavedLayer& layer) {
  std::vector<Parameter*> parameters;
  for (const SavedWeight& weight : saved_weights(layer)) parameters.push_back(weight.parameter);
  return parameters;
}

Shape file_shape(const Parameter& parameter) {
  std::vector<int64_t> lengths(parameter.shape.begin(), parameter.shape.end());
  if (parameter.filters_first) std::rotate(lengths.begin(), lengths.begin() + 1, lengths.end());
  return Shape(lengths);
}

void check_shape(const hdf5::Reader& file, const hdf5::Dataset& dataset, const Parameter& parameter) {
  if (dataset.shape != file_shape(parameter))
    file.refuse(dataset.path, fmt::format("has shape {}, but {} needs {}", dataset.shape, parameter.path,
                                          file_shape(parameter)));
}

namespace {

/// The places of one layer's weights.
std::vector<WeightPlace> match_layer(hdf5::Reader& file, const FileLayer& stored, const SavedLayer& wanted) {
  std::vector<Parameter*> parameters = saved_parameters(wanted);
  if (stored.weights.size() != parameters.size())
    file.refuse(stored.path, fmt::format("has {} weights, but layer {} has {}", stored.weights.size(),
                                         wanted.name, parameters.size()));
  std::vector<WeightPlace> places;
  for (size_t k = 0; k < parameters.size(); ++k) {
    places.push_back({parameters[k], file.dataset(joined(stored.path, stored.weights[k]))});
    check_shape(file, places.back().dataset, *parameters[k]);
  }
  return places;
}

/// Keras 3 has an underscore where tf.keras had a slash in names of its own (DenseNet's "conv1/conv").
std::string without_slashes(std::string name) {
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

/// The layers of the file that correspond to `wanted`, null where there is none.
std::vector<const FileLayer*> correspond(hdf5::Reader& file, const std::string& group,
                                         const std::vector<FileLayer>& stored,
                                         const std::vector<const SavedLayer*>& wanted, bool by_name) {
  std::vector<const FileLayer*> found;
  if (by_name) {
    std::map<std::string, const FileLayer*> named;
    for (const FileLayer& layer : stored) named.emplace(layer.name, &layer);
    for (const FileLayer& layer : stored) named.emplace(without_slashes(layer.name), &layer);
    for (const SavedLayer* layer : wanted) {
      auto place = named.find(layer->name);
      if (place == named.end()) place = named.find(without_slashes(layer->name));
      found.push_back(place == named.end() ? nullptr : place->second);
    }
    return found;
  }
  if (stored.size() != wanted.size())
    file.refuse(group, fmt::format("has weights for {} layers, but the model has {} layers with weights",
                                   stored.size(), wanted.size()));
  for (const FileLayer& layer : stored) found.push_back(&layer);
  return found;
}

std::vector<WeightPlace> match_named(hdf5::Reader& file, const std::string& group,
                                     const std::vector<SavedLayer>& layers, const MatchOptions& options) {
  std::vector<FileLayer> stored = layers_with_weights(file, group);
  for (size_t i = 0, top = options.by_name ? stored.size() : 0; i < top; ++i)
    for (FileLayer& part : parts_of(stored[i])) stored.push_back(std::move(part));
  std::vector<const SavedLayer*> wanted;
  for (const SavedLayer& layer : layers)
    if (!saved_parameters(layer).empty()) wanted.push_back(&layer);
  std::vector<const FileLayer*> found = correspond(file, group, stored, wanted, options.by_name);
  std::vector<WeightPlace> places;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!found[i]) continue;
    try {
      for (WeightPlace& place : match_layer(file, *found[i], *wanted[i])) places.push_back(std::move(place));
    } catch (const hdf5::OtherLayout&) {
      throw;
    } catch (const Error&) {
      if (!options.skip_mismatch) throw;
    }
  }
  return places;
}

std::string named_group(hdf5::Reader& file) {
  return file.exists("model_weights") ? "model_weights" : "";
}

}  // namespace

bool has_layer_names(hdf5::Reader& file) {
  return file.names(named_group(file), "layer_names").has_value();
}

std::vector<StoredLayer> stored_layers(hdf5::Reader& file) {
  std::vector<StoredLayer> layers;
  for (const FileLayer& layer : layers_with_weights(file, named_group(file))) {
    layers.push_back({layer.name, {}});
    for (const FileLayer& part : parts_of(layer)) layers.back().parts.push_back(part.name);
  }
  return layers;
}

std::vector<WeightPlace> match_stored(hdf5::Reader& file, const std::vector<SavedLayer>& stored,
                                      const std::vector<SavedLayer>& layers, bool skip_mismatch) {
  std::map<const Parameter*, hdf5::Dataset> datasets;
  for (WeightPlace& place : match_variables(file, stored))
    datasets.emplace(place.parameter, std::move(place.dataset));
  std::map<std::string, std::vector<Parameter*>> named;
  for (const SavedLayer& layer : stored) named.emplace(layer.name, saved_parameters(layer));
  std::vector<WeightPlace> places;
  for (const SavedLayer& layer : layers) {
    std::vector<Parameter*> parameters = saved_parameters(layer);
    auto found = named.find(layer.name);
    if (found == named.end() || parameters.empty()) continue;
    if (found->second.size() != parameters.size()) {
      if (skip_mismatch) continue;
      file.refuse("", fmt::format("has {} weights of the layer {}, which has {}", found->second.size(),
                                  layer.name, parameters.size()));
    }
    std::vector<WeightPlace> here;
    for (size_t k = 0; k < parameters.size(); ++k)
      here.push_back({parameters[k], datasets.at(found->second[k])});
    bool fits = std::all_of(here.begin(), here.end(), [](const WeightPlace& place) {
      return place.dataset.shape == file_shape(*place.parameter);
    });
    if (!fits && !skip_mismatch)
      for (const WeightPlace& place : here) check_shape(file, place.dataset, *place.parameter);
    if (fits) places.insert(places.end(), here.begin(), here.end());
  }
  return places;
}

std::vector<WeightPlace> match_weights(hdf5::Reader& file, const std::vector<SavedLayer>& layers,
                                       const MatchOptions& options) {
  std::vector<WeightPlace> places;
  if (!file.exists("model_weights") && has_variables(file)) {
    if (options.by_name)
      file.refuse("", "has no names of layers, so its weights can be loaded in order only");
    for (WeightPlace& place : match_variables(file, layers)) {
      bool fits = place.dataset.shape == file_shape(*place.parameter);
      if (!fits && !options.skip_mismatch) check_shape(file, place.dataset, *place.parameter);
      if (fits) places.push_back(std::move(place));
    }
  } else {
    places = match_named(file, named_group(file), layers, options);
  }
  uint64_t bytes = 0;
  for (const WeightPlace& place : places)
    bytes += static_cast<uint64_t>(place.dataset.shape.elements()) * place.dataset.type.size;
  if (bytes > file.size())
    file.refuse("", "its weights have more bytes than the file (several lie in one place)");
  return places;
}

std::vector<std::string> optimizer_tensors(hdf5::Reader& file) {
  if (!file.exists("optimizer_weights")) return optimizer_variables(file);
  std::optional<std::vector<std::string>> names = file.names("optimizer_weights", "weight_names");
  if (!names) file.refuse("optimizer_weights", "has no attribute weight_names");
  for (std::string& name : *names) name = "optimizer_weights/" + name;
  return std::move(*names);
}

void read_values(const hdf5::Reader& file, const hdf5::Dataset& dataset, const Parameter& parameter,
                 const Tensor& target) {
  bool in_place = target.device().is_cpu() && target.dtype() == DType::f32 && !parameter.filters_first;
  std::vector<float> copy(in_place ? 0 : target.elements());
  std::span<float> values =
      in_place ? std::span(target.mutable_data<float>(), target.elements()) : std::span(copy);
  file.read(dataset, values);
  if (!all_finite(values)) file.refuse(dataset.path, "holds a value that is not a finite number");
  if (in_place) return;
  const Shape& shape = parameter.shape;
  if (parameter.filters_first) copy = transposed(copy, shape.elements() / shape[0], shape[0]);
  target.copy_from(Tensor::from(copy, shape).to(target.dtype()));
}

std::vector<float> file_values(const Parameter& parameter, const Tensor& source) {
  std::vector<float> values = source.to(DType::f32).to_vector<float>();
  const Shape& shape = parameter.shape;
  return parameter.filters_first ? transposed(values, shape[0], shape.elements() / shape[0]) : values;
}

std::vector<SavedWeight> saved_weights(const SavedLayer& layer) {
  std::vector<SavedWeight> trained, kept;
  std::set<std::string> taken;
  for (const LayerPtr& part : layer.layers)
    for (Parameter* parameter : part->parameters()) {
      std::string name = file_name(*part) + "/" + parameter->name;
      for (int more = 1; !taken.insert(name).second; ++more)  // layers of several nested models
        name = fmt::format("{}_{}/{}", file_name(*part), more, parameter->name);
      (parameter->trainable ? trained : kept).push_back({name, parameter});
    }
  trained.insert(trained.end(), kept.begin(), kept.end());
  return trained;
}

void write_weights(hdf5::Group& group, const Graph& graph) {
  std::vector<std::string> layer_names;
  for (const SavedLayer& layer : saved_layers(graph)) {
    // A Sequential's InputLayer is in model_config but not in this list.
    if (graph.is_sequential() && layer.layers.size() == 1 && layer.layers[0]->class_name() == "InputLayer")
      continue;
    std::string name = file_name(layer.name);
    std::vector<std::string> weight_names;
    hdf5::Group& weights = group.group(name);
    for (const auto& [path, parameter] : saved_weights(layer)) {
      weight_names.push_back(path + ":0");
      weights.add(weight_names.back(), file_shape(*parameter), file_values(*parameter, parameter->value));
    }
    weights.set_names("weight_names", weight_names);
    layer_names.push_back(name);
  }
  group.set_names("layer_names", layer_names);
  group.set_text("backend", "tensorflow");
  group.set_text("keras_version", "2.10.0");
  group.group("top_level_model_weights").set_names("weight_names", {});
}

}  // namespace manul::keras
