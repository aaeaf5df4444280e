#pragma once

#include "manul/models/hdf5/reader.h"
#include "manul/models/hdf5/writer.h"
#include "manul/models/keras/architecture.h"

namespace manul::keras {

/// The parameters of an entry in the order of its weight_names: those to train, layer by layer, then the
/// others.
std::vector<Parameter*> saved_parameters(const SavedLayer& layer);

/// The same with their names in files, each once in an entry: "conv2d/kernel".
struct SavedWeight {
  std::string name;
  Parameter* parameter;
};
std::vector<SavedWeight> saved_weights(const SavedLayer& layer);

/// The shape that a parameter has in files: kernels that lie with their filters first here, [out, kh, kw,
/// in], have them last there, [kh, kw, in, out].
Shape file_shape(const Parameter& parameter);

/// A tensor of a file and the parameter that it belongs to.
struct WeightPlace {
  Parameter* parameter;
  hdf5::Dataset dataset;
};

struct MatchOptions {
  bool by_name = false;
  bool skip_mismatch = false;
};

/// Whether the file has weights by the names of layers, those of a whole model or alone.
bool has_layer_names(hdf5::Reader& file);
/// One of them that has weights, and the layers in it if it is a nested model.
struct StoredLayer {
  std::string name;
  std::vector<std::string> parts;
};
std::vector<StoredLayer> stored_layers(hdf5::Reader& file);

/// Finds the dataset of each parameter, in whichever layout the file has its weights: the layers with weights
/// in order, their weights in order, as Keras does; by name also those in nested models. Refuses other counts
/// and shapes, unless options say otherwise. Reads no data.
std::vector<WeightPlace> match_weights(hdf5::Reader& file, const std::vector<SavedLayer>& layers,
                                       const MatchOptions& options = {});

/// The same by name where names stand beside the file: of the weights in a .keras archive. `stored` are the
/// layers of the archive's network, declared.
std::vector<WeightPlace> match_stored(hdf5::Reader& file, const std::vector<SavedLayer>& stored,
                                      const std::vector<SavedLayer>& layers, bool skip_mismatch);

/// The paths of the optimizer's tensors in the file's order; nothing if the file has none.
std::vector<std::string> optimizer_tensors(hdf5::Reader& file);

/// Refuses `dataset` unless it has the shape that `parameter` has in files.
void check_shape(const hdf5::Reader& file, const hdf5::Dataset& dataset, const Parameter& parameter);

/// Reads a dataset to `target`, which is laid out like `parameter`. Refuses values that are not finite.
void read_values(const hdf5::Reader& file, const hdf5::Dataset& dataset, const Parameter& parameter,
                 const Tensor& target);

/// The values of `source`, which is laid out like `parameter`, as a file has them.
std::vector<float> file_values(const Parameter& parameter, const Tensor& source);

/// Writes layer_names and all weights to the group model_weights.
void write_weights(hdf5::Group& group, const Graph& graph);

}  // namespace manul::keras
