#pragma once

#include "manul/models/hdf5/reader.h"
#include "manul/models/hdf5/writer.h"
#include "manul/models/keras/architecture.h"

namespace manul::keras {

/// The parameters of an entry in the order of its weight_names: those to train, layer by layer, then the
/// others.
std::vector<Parameter*> saved_parameters(const SavedLayer& layer);

/// "conv2d/kernel": the name of a parameter in files.
std::string file_path(const Layer& layer, const Parameter& parameter);

/// The shape that a parameter has in files: kernels that lie with their filters first here, [out, kh, kw,
/// in], have them last there, [kh, kw, in, out].
Shape file_shape(const Parameter& parameter);

/// A tensor of a file and the parameter that it belongs to.
struct WeightPlace {
  Parameter* parameter;
  hdf5::Dataset dataset;
};

/// Finds the dataset of each parameter in `group` ("model_weights", or "" in files of weights alone): the
/// layers with weights in order, their weights in order, as Keras does. Refuses other counts and shapes.
/// Reads no data.
std::vector<WeightPlace> match_weights(hdf5::Reader& file, const std::string& group,
                                       const std::vector<SavedLayer>& layers);

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
