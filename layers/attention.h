#pragma once

#include <array>

#include "manul/framework/config/option_type.h"
#include "manul/layers/layer.h"

namespace manul {

/// Keras' MultiHeadAttention (Vaswani et al. 2017): inputs query [N, T, D], value [N, S, E] and, if it is not
/// value, key [N, S, F]; each head takes softmax(q kᵀ / sqrt(key_dim)) v of its projections, and the heads
/// are projected to [N, T, D], or `output_shape` in place of D. T and S may be several axes each: attention
/// runs over `attention_axes` of a batch (Keras': all between the batch's and the last), the others are
/// further batch axes. Masks of query, value and key take their steps out of the sum (a query of which
/// nothing is left takes the mean of all, or zeros where `dropout` is set: Keras 3's numbers); the output has
/// the query's. A fourth input is Keras' attention_mask, [N, T, S] or [N, heads, T, S], 0 where a query must
/// not look; the key is then given too. Weights: kernel and bias of query, key, value and attention_output.
struct MultiHeadAttention {
  static constexpr const char* class_name = "MultiHeadAttention";
  static constexpr bool regularizes_outputs = false;  // Keras gives it to the projections inside
  static constexpr bool supports_masking = true;
  static constexpr std::array<const char*, 4> input_names{"query", "value", "key", "attention_mask"};
  int64_t num_heads = 1;
  int64_t key_dim = 1;
  std::optional<int64_t> value_dim = {};  // otherwise key_dim
  double dropout = 0;                     // of the attention, in training
  bool use_bias = true;
  std::optional<Integers> output_features = {};  // Keras' output_shape
  std::optional<Integers> attention_axes = {};
  bool use_causal_mask = false;  // no query looks at what comes after it; in Keras an argument of the call
  std::string name = {};
  bool trainable = true;
  Weight query_kernel = {}, query_bias = {}, key_kernel = {}, key_bias = {}, value_kernel = {},
         value_bias = {}, output_kernel = {}, output_bias = {};  // made by build()
  mutable Tensor causal_mask = {};                               // on the device of the last call

  void describe(Description& description);
  Shape output_shape(const std::vector<Shape>& inputs) const;
  void build(const std::vector<Shape>& inputs, Weights& weights);
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& context) const;
};
inline const LayerRegistration<MultiHeadAttention> multi_head_attention_registration;
extern template class LayerOf<MultiHeadAttention>;

}  // namespace manul
