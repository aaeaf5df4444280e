#include "manul/layers/embedding.h"

#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/where.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/gather.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {

void Embedding::describe(Description& description) {
  description.required("input_dim", input_dim, at_least(1));
  description.required("output_dim", output_dim, at_least(1));
  description.kept(
      "embeddings_initializer",
      Config::object("RandomUniform", Config::map({{"minval", -0.05}, {"maxval", 0.05}, {"seed", nullptr}})));
  description.for_training("embeddings_regularizer");
  description.for_training("activity_regularizer");
  description.for_training("embeddings_constraint");
  description.option("mask_zero", mask_zero);
}

Shape Embedding::output_shape(const Shape& input) const {
  std::vector<int64_t> lengths(input.begin(), input.end());
  lengths.push_back(output_dim);
  return Shape(lengths);
}

void Embedding::build(const Shape& /*input*/, Weights& weights) {
  weights.add(embeddings, "embeddings", {input_dim, output_dim}, "random_uniform");
}

Tensor Embedding::call(const Tensor& x) const {
  return gather(embeddings, x);
}

Tensor Embedding::compute_mask(const std::vector<Tensor>& inputs,
                               const std::vector<Tensor>& /*masks*/) const {
  return not_equal(cast(inputs.at(0), embeddings.value().dtype()), 0);
}

Shape Masking::output_shape(const Shape& input) const {
  check(input.rank() >= 1, "{}: a Masking takes samples of at least one axis, not {}", name, input);
  return input;
}

Tensor Masking::call(const Tensor& x) const {
  Tensor counts = broadcast_to(max(not_equal(x, mask_value), -1, true), x.shape());
  return where(counts, x, Tensor::zeros({1}, x.dtype(), x.device()));
}

Tensor Masking::compute_mask(const std::vector<Tensor>& inputs, const std::vector<Tensor>& /*masks*/) const {
  return max(not_equal(inputs.at(0), mask_value), -1);
}

template class LayerOf<Embedding>;
template class LayerOf<Masking>;

}  // namespace manul
