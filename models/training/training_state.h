#pragma once

#include <string>
#include <utility>
#include <vector>

#include "manul/framework/config/config.h"
#include "manul/framework/tensor.h"

namespace manul {

/// What a checkpoint keeps besides weights and optimizer slots, so that training continues bit for bit:
/// settings (whose only numbers are integers, which any notation preserves) and tensors (f32 or f64, of any
/// values, NaN included). To a file this is opaque: it stores both under names that Keras ignores.
struct TrainingState {
  Config values;  // null: there is none
  std::vector<std::pair<std::string, Tensor>> tensors;

  bool empty() const { return values.is_null(); }
  /// Adds a tensor of any shape; a number as f64 [1].
  void add(std::string name, const Tensor& tensor) { tensors.emplace_back(std::move(name), tensor); }
  void add(std::string name, double number) { add(std::move(name), Tensor::full({1}, number, DType::f64)); }
  /// The tensor of that name, or null.
  const Tensor* find(const std::string& name) const;
  /// The same. Throws ErrorKind::model_file naming it if there is none, or if it has another
  /// number of elements than `elements` (any if negative).
  const Tensor& tensor(const std::string& name, int64_t elements = -1) const;
  double number(const std::string& name) const { return tensor(name, 1).to(DType::f64).item<double>(); }
};

/// What predict must know besides the network, in attributes that Keras ignores.
struct Preprocessing {
  std::vector<std::string> class_names;  // sorted as the labels count; empty: not known
  double rescale = 0;                    // factor of a pixel 0..255; 0: not known
  std::string interpolation;             // of the resizing, Keras' name; empty: not known
};

}  // namespace manul
