#pragma once

#include "manul/models/graph/model.h"
#include "manul/models/keras/weights.h"

// Keras 3's own layout of weights, of files .weights.h5 and of those in .keras archives: no names, but a
// group for each layer that is called after its class, `layers/conv2d_1/vars/0`, and `optimizer/vars/0`.
namespace manul::keras {

/// Whether a file has that layout.
bool has_variables(hdf5::Reader& file);

/// As match_weights().
std::vector<WeightPlace> match_variables(hdf5::Reader& file, const std::vector<SavedLayer>& layers);

/// Paths of the optimizer's tensors, in order; empty if there are none.
std::vector<std::string> optimizer_variables(hdf5::Reader& file);

/// Writes the weights of the model's layers, and of a compiled model the optimizer's tensors if `optimizer`.
void write_variables(hdf5::Group& root, const Model& model, bool optimizer);

}  // namespace manul::keras
