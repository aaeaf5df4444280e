#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "manul/models/graph/model.h"
#include "manul/models/hdf5/reader.h"

// Files of arrays NAME_0, NAME_1, .. that the programs here share with the scripts.
namespace manul {

inline Tensor tensor_of(hdf5::Reader& file, const std::string& name) {
  hdf5::Dataset dataset = file.dataset(name);
  std::vector<float> values(dataset.shape.elements());
  file.read(dataset, std::span(values));
  return Tensor::from(values, dataset.shape);
}

inline std::vector<Tensor> tensors_of(hdf5::Reader& file, const std::string& name) {
  std::vector<Tensor> tensors;
  for (int i = 0; file.exists(fmt::format("{}_{}", name, i)); ++i)
    tensors.push_back(tensor_of(file, fmt::format("{}_{}", name, i)));
  return tensors;
}

/// The largest difference between what the model makes of the inputs and what is wanted.
inline double difference(Model& model, const std::vector<Tensor>& inputs, const std::vector<Tensor>& wanted) {
  std::vector<Tensor> outputs = model.forward_all(inputs);
  if (outputs.size() != wanted.size()) return INFINITY;
  double largest = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::vector<float> a = outputs[i].to_vector<float>(), b = wanted[i].to_vector<float>();
    if (a.size() != b.size()) return INFINITY;
    for (size_t k = 0; k < a.size(); ++k) largest = std::max(largest, std::abs(double{a[k]} - b[k]));
  }
  return largest;
}

}  // namespace manul
