#include "manul/layers/embedding.h"

#include "manul/ops/shape/gather.h"

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
  description.fixed("mask_zero", false);  // masks are for recurrent layers
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

template class LayerOf<Embedding>;

}  // namespace manul
