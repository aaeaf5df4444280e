#pragma once

#include "manul/layers/layer.h"

namespace manul {

/// Keras' Flatten: [N, a, b, ..] -> [N, a * b * ..].
struct Flatten {
  static constexpr const char* class_name = "Flatten";
  std::string name = {};

  void describe(Description& description) { description.fixed("data_format", "channels_last"); }
  Shape output_shape(const Shape& input) const { return {input.elements()}; }
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<Flatten> flatten_registration;
extern template class LayerOf<Flatten>;

/// Keras' Reshape: samples of another shape; one length may be -1, whatever is left for it.
struct Reshape {
  static constexpr const char* class_name = "Reshape";
  std::vector<int64_t> target_shape = {-1};
  std::string name = {};

  void describe(Description& description) {
    description.required("target_shape", target_shape, at_least(-1));
  }
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<Reshape> reshape_registration;
extern template class LayerOf<Reshape>;

/// Keras' Permute: axis i of the result's samples is axis dims[i] of the input's; both count from 1.
struct Permute {
  static constexpr const char* class_name = "Permute";
  std::vector<int64_t> dims = {1};
  std::string name = {};

  void describe(Description& description) { description.required("dims", dims, at_least(1)); }
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<Permute> permute_registration;
extern template class LayerOf<Permute>;

/// Keras' RepeatVector: [N, C] -> [N, n, C].
struct RepeatVector {
  static constexpr const char* class_name = "RepeatVector";
  static constexpr int input_rank = 1;
  int64_t n = 1;
  std::string name = {};

  void describe(Description& description) { description.required("n", n, at_least(1)); }
  Shape output_shape(const Shape& input) const { return {n, input[0]}; }
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<RepeatVector> repeat_vector_registration;
extern template class LayerOf<RepeatVector>;

}  // namespace manul
