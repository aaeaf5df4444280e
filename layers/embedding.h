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
  bool mask_zero = false;  // 0 is padding: the outputs have a mask
  std::string name = {};
  bool trainable = true;
  static constexpr bool autocast = false;  // of indices
  Weight embeddings = {};                  // made by build()

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const;
  bool gives_mask(const std::vector<bool>& /*masked*/) const { return mask_zero; }
  Tensor compute_mask(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) const;
};
inline const LayerRegistration<Embedding> embedding_registration;
extern template class LayerOf<Embedding>;

/// Keras' Masking: steps of [N, .., C] whose values are all mask_value are padding. They become 0, and the
/// output has a mask, [N, ..], which layers behind it pass on or heed (GlobalAveragePooling1D,
/// MultiHeadAttention, BatchNormalization in training), as do losses and metrics.
struct Masking {
  static constexpr const char* class_name = "Masking";
  double mask_value = 0;
  std::string name = {};

  void describe(Description& description) { description.option("mask_value", mask_value); }
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const;
  bool gives_mask(const std::vector<bool>& /*masked*/) const { return true; }
  Tensor compute_mask(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) const;
};
inline const LayerRegistration<Masking> masking_registration;
extern template class LayerOf<Masking>;

}  // namespace manul
