#include "manul/layers/core.h"

#include "manul/layers/config/keras_objects.h"
#include "manul/ops/dense/matmul.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {

void Dense::describe(Description& description) {
  description.required({"units", "output_dim"}, units, at_least(1));
  description.option("activation", activation);
  description.option({"use_bias", "bias"}, use_bias);
  describe_kernel_and_bias(description);
}

Shape Dense::output_shape(const Shape& input) const {
  check(input.rank() > 0, "{}: a Dense takes samples of at least one axis", name);
  std::vector<int64_t> lengths(input.begin(), input.end());
  lengths.back() = units;
  return Shape(lengths);
}

void Dense::build(const Shape& input, Weights& weights) {
  int64_t in = input[-1];
  weights.add(kernel, "kernel", {in, units}, Initializer::glorot_uniform(in, units));
  if (use_bias) weights.add(bias, "bias", {units}, Initializer::zeros());
}

namespace {

Tensor product(const Dense& layer, const Tensor& x, const Tensor& kernel, const Tensor& bias,
               Activation activation) {
  if (x.shape().rank() == 2) return dense(x, kernel, bias, activation);
  Tensor y = dense(reshape(x, {x.shape().rows(), x.shape()[-1]}), kernel, bias, activation);
  return reshape(y, layer.output_shape(x.shape().sample()).batch_of(x.shape()[0]));
}

}  // namespace

Tensor Dense::call_fused(const Tensor& x, Activation activation) const {
  return product(*this, x, kernel, bias, activation);
}

Tensor Dense::linear(const Tensor& x, const Tensor& by, const Tensor& bias) const {
  return product(*this, x, by, bias, Activation::linear);
}

template class LayerOf<IdentityLayer>;
template class LayerOf<Dense>;

}  // namespace manul
