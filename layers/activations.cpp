#include "manul/layers/activations.h"

#include <algorithm>
#include <limits>

#include "manul/layers/config/keras_objects.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {

std::optional<Activation> OptionType<Activation>::read(const Config& config) {
  if (config.is_null()) return Activation::linear;
  if (!config.is_string()) return std::nullopt;
  if (auto activation = find_activation(config.as_string())) return activation;
  return find_activation(config.as_string(), 3);
}

void ReLU::describe(Description& description) {
  description.option("max_value", max_value, at_least(0));
  description.option("negative_slope", negative_slope, at_least(0));
  description.option("threshold", threshold, at_least(0));
}

std::optional<Activation> ReLU::as_activation() const {
  if (negative_slope != 0 || threshold != 0) return std::nullopt;
  if (!max_value) return Activation::relu;
  if (*max_value == 6) return Activation::relu6;
  return std::nullopt;
}

Tensor ReLU::call(const Tensor& x) const {
  if (std::optional<Activation> activation = as_activation()) return activate(x, *activation);
  return relu(x, {.max_value = max_value.value_or(std::numeric_limits<double>::infinity()),
                  .negative_slope = negative_slope,
                  .threshold = threshold});
}

void PReLU::describe(Description& description) {
  description.option("shared_axes", shared_axes);
  description.kept("alpha_initializer", zeros_config());
  description.for_training("alpha_regularizer");
  description.for_training("alpha_constraint");
}

void PReLU::build(const Shape& input, Weights& weights) {
  Shape shape = input;
  if (shared_axes)
    for (int64_t axis : shared_axes->values) {
      int64_t at = axis < 0 ? axis + input.rank() + 1 : axis;
      check(at >= 1 && at <= input.rank(), "{}: a PReLU shares axes from 1 to {}, not {}", name, input.rank(),
            axis);
      shape = with_length(shape, static_cast<int>(at) - 1, 1);
    }
  weights.add(alpha, "alpha", shape, Initializer::zeros());
}

Tensor PReLU::call(const Tensor& x) const {
  Tensor below = negative(relu(negative(x)));
  const Tensor& slopes = alpha.value();
  bool repeats = slopes.elements() > 1 && slopes.shape() != x.shape().sample();
  return add(relu(x), multiply(below, repeats ? broadcast_to(slopes, x.shape().sample()) : slopes));
}

Shape Softmax::output_shape(const Shape& input) const {
  for (int64_t at : axis.values)
    check((at >= 1 && at <= input.rank()) || (at < 0 && at >= -input.rank()),
          "{}: a Softmax runs over axes of the samples, from 1 to {}, not over axis {}", name, input.rank(),
          at);
  return input;
}

void Softmax::build(const Shape& input, Weights& /*weights*/) {
  is_over_last_axis = axis == Integers(-1) || axis == Integers(input.rank());
}

std::optional<Activation> Softmax::as_activation() const {
  if (!is_over_last_axis) return std::nullopt;
  return Activation::softmax;
}

bool Softmax::gives_mask(const std::vector<bool>& masked) const {
  check(
      !masked.at(0),
      "{}: a Softmax cannot take the mask of its input, which has no axis of the classes (in Keras neither): "
      "an Activation of softmax leaves it as it is",
      name);
  return false;
}

Tensor Softmax::call(const Tensor& x) const {
  int rank = x.shape().rank();
  std::vector<int> last, order;
  for (int64_t at : axis.values) last.push_back(static_cast<int>(at < 0 ? at + rank : at));
  std::sort(last.begin(), last.end());
  for (int i = 0; i < rank; ++i)
    if (!std::binary_search(last.begin(), last.end(), i)) order.push_back(i);
  order.insert(order.end(), last.begin(), last.end());
  if (last.size() == 1 && last[0] == rank - 1) return softmax(x);
  Tensor moved = transpose(x, order);
  int64_t classes = 1;
  for (int i : last) classes *= x.shape()[i];
  Tensor y = reshape(softmax(reshape(moved, {x.elements() / std::max<int64_t>(classes, 1), classes})),
                     moved.shape());
  std::vector<int> inverse(rank);
  for (int i = 0; i < rank; ++i) inverse[order[i]] = i;
  return transpose(y, inverse);
}

template class LayerOf<ActivationLayer>;
template class LayerOf<ReLU>;
template class LayerOf<LeakyReLU>;
template class LayerOf<PReLU>;
template class LayerOf<ELU>;
template class LayerOf<ThresholdedReLU>;
template class LayerOf<Softmax>;

}  // namespace manul
