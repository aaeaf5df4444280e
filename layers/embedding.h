#pragma once

#include "manul/layers/layer.h"

namespace manul {

/// Keras' Embedding: whole numbers 0 .. input_dim - 1, [N, ..] of any dtype -> [N, .., output_dim], a row of
/// the weight `embeddings` [input_dim, output_dim] for each. Others are an error on the CPU and zeros on a
/// GPU, as in Keras.
struct Embedding {
  static constexpr const char* class_name = "Embedding";
  int64_t input_dim = 0;
  int64_t output_dim = 0;
  std::string name = {};
  bool trainable = true;
  static constexpr bool autocast = false;  // of indices
  Weight embeddings = {};                  // made by build()

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<Embedding> embedding_registration;
extern template class LayerOf<Embedding>;

}  // namespace manul
