#include "manul/layers/normalization.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "manul/framework/tape.h"
#include "manul/layers/config/keras_objects.h"
#include "manul/layers/constant_like.h"
#include "manul/ops/dense/matmul.h"
#include "manul/ops/normalize/group_normalize.h"
#include "manul/ops/normalize/synchronized_normalize.h"
#include "manul/ops/normalize/unit_normalize.h"
#include "manul/ops/pointwise/where.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/shape_ops.h"
#include "manul/ops/shape/transpose.h"

namespace manul {
namespace {

void describe_gamma_and_beta(Description& description) {
  description.kept({"beta_initializer", "beta_init"}, zeros_config());
  description.kept({"gamma_initializer", "gamma_init"}, ones_config());
  for (const char* key : {"beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint"})
    description.for_training(key);
}

/// The axes that a file numbers from the batch's on or, negative, from the end.
AxisRange axes_of(const std::string& name, const char* class_name, const std::vector<int64_t>& axes,
                  const Shape& sample) {
  std::vector<int64_t> places;
  for (int64_t axis : axes) places.push_back(axis < 0 ? axis + sample.rank() + 1 : axis);
  std::sort(places.begin(), places.end());
  bool neighbours = !places.empty() && places.front() >= 1 && places.back() <= sample.rank();
  for (size_t i = 1; i < places.size(); ++i) neighbours &= places[i] == places[i - 1] + 1;
  check(neighbours, "{}: a {} runs over neighbouring axes of a sample, not over {} of a batch of samples {}",
        name, class_name, OptionType<std::vector<int64_t>>::write(axes).text(), sample);
  return AxisRange{static_cast<int>(places.front()), static_cast<int>(places.size())};
}

Shape lengths_of_range(const Shape& sample, AxisRange range) {
  return Shape(std::span(sample.begin() + range.first - 1, static_cast<size_t>(range.count)));
}

}  // namespace

void BatchNormalization::describe(Description& description) {
  description.option("axis", axis);
  description.option("momentum", momentum, from_to(0, 1));
  description.option("epsilon", epsilon, at_least(0));
  description.option("center", center);
  description.option("scale", scale);
  describe_gamma_and_beta(description);
  description.kept("moving_mean_initializer", zeros_config());
  description.kept("moving_variance_initializer", ones_config());
  description.fixed("mode", 0, Written::if_set);                  // Keras 1: over features
  description.newer_option("synchronized", synchronized, false);  // Keras 3
  description.fixed("renorm", false, Written::if_set);            // tf.keras until 2.15
  description.kept("renorm_momentum", 0.99, Written::if_set);
}

Shape BatchNormalization::output_shape(const Shape& input) const {
  check(input.rank() > 0, "{}: a BatchNormalization takes samples of at least one axis", name);
  int64_t place = axis.value < 0 ? axis.value + input.rank() + 1 : axis.value;
  check(place >= 1 && place <= input.rank(),
        "{}: a BatchNormalization has statistics of an axis of a sample, not of axis {} of a batch of "
        "samples {}",
        name, axis.value, input);
  return input;
}

void BatchNormalization::build(const Shape& input, Weights& weights) {
  Shape channels{input[axis.value < 0 ? axis.value : axis.value - 1]};
  if (scale) weights.add(gamma, "gamma", channels, Initializer::ones());
  if (center) weights.add(beta, "beta", channels, Initializer::zeros());
  weights.add_statistic(moving_mean, "moving_mean", channels, Initializer::zeros());
  weights.add_statistic(moving_variance, "moving_variance", channels, Initializer::ones());
}

namespace {

/// In training, with the statistics of the rows of x [.., C] that count.
Tensor normalize_masked(const BatchNormalization& layer, const Tensor& x, const Tensor& mask,
                        const BatchPart& part) {
  int64_t channels = x.shape()[-1];
  Shape rows{x.elements() / std::max<int64_t>(channels, 1), channels};
  Tensor values = reshape(x, rows);
  Tensor counts = broadcast_to(reshape(mask, {rows[0], 1}), rows);
  Tensor zero = Tensor::zeros({1}, x.dtype(), x.device());
  auto sum_of_all = [&](const Tensor& each) { return sum_over_processes(sum(each, 0), part); };
  Tensor weights = scale(sum_of_all(counts), 1, 1e-7);  // Keras' epsilon
  Tensor mean = divide(sum_of_all(where(counts, values, zero)), weights);
  Tensor distance = where(counts, subtract(values, mean), zero);
  Tensor variance = divide(sum_of_all(square(distance)), weights);
  auto move = [&](const Tensor& moving, const Tensor& of_batch) {
    if (!Tape::computes_again())
      moving.copy_from(add(scale(moving, layer.momentum), scale(of_batch, 1 - layer.momentum)));
  };
  move(layer.moving_mean.value(), mean);
  move(layer.moving_variance.value(), variance);
  Tensor y = divide(subtract(values, mean), sqrt(scale(variance, 1, layer.epsilon)));
  if (layer.scale) y = multiply(y, layer.gamma);
  if (layer.center) y = add(y, layer.beta);
  return reshape(y, x.shape());
}

}  // namespace

Tensor BatchNormalization::call_fused(const Tensor& x, const CallContext& context,
                                      const NormalizationTail& tail) const {
  BatchPart part = synchronized && context.state ? context.state->part() : BatchPart();
  if (Tensor mask = context.mask(0); mask.defined() && context.training && trainable) {
    check(!tail.addend.defined() && tail.activation == Activation::linear,
          "{}: a normalization of masked values is called alone", name);
    check(mask.elements() * x.shape()[-1] == x.elements() &&
              (axis.value == -1 || axis.value == x.shape().rank() - 1),
          "{}: a BatchNormalization of masked values normalizes the last axis", name);
    return normalize_masked(*this, x, mask, part);
  }
  int last = x.shape().rank() - 1,
      place = static_cast<int>(axis.value < 0 ? last + 1 + axis.value : axis.value);
  std::vector<int> swapped(last + 1);
  std::iota(swapped.begin(), swapped.end(), 0);
  std::swap(swapped[place], swapped[last]);
  auto channels_last = [&](const Tensor& t) {
    return place == last || !t.defined() ? t : transpose(t, swapped);
  };
  NormalizationTail behind{channels_last(tail.addend), tail.activation};
  Tensor seen = channels_last(x);
  if (context.training && trainable && !part.is_whole()) {
    Tensor y = batch_normalize_synchronized(seen, gamma.stored(), beta.stored(), moving_mean.stored(),
                                            moving_variance.stored(), epsilon, momentum, part);
    return channels_last(activate(behind.addend.defined() ? add(y, behind.addend) : y, behind.activation));
  }
  return channels_last(
      context.training && trainable
          ? normalize_activation_training(seen, gamma.stored(), beta.stored(), moving_mean.stored(),
                                          moving_variance.stored(), epsilon, momentum, behind)
          : normalize_activation_inference(seen, gamma.stored(), beta.stored(), moving_mean.stored(),
                                           moving_variance.stored(), epsilon, behind));
}

void LayerNormalization::describe(Description& description) {
  description.option("axis", axis);
  description.option("epsilon", epsilon, at_least(0));
  description.option("center", center);
  description.option("scale", scale);
  describe_gamma_and_beta(description);
  description.fixed("rms_scaling", false, Written::if_set);  // Keras 3
}

Shape LayerNormalization::output_shape(const Shape& input) const {
  axes_of(name, class_name, axis.values, input);
  return input;
}

void LayerNormalization::build(const Shape& input, Weights& weights) {
  Shape lengths = lengths_of_range(input, axes_of(name, class_name, axis.values, input));
  if (scale) weights.add(gamma, "gamma", lengths, Initializer::ones());
  if (center) weights.add(beta, "beta", lengths, Initializer::zeros());
}

Tensor LayerNormalization::call(const Tensor& x) const {
  AxisRange range = axes_of(name, class_name, axis.values, x.shape().sample());
  return layer_normalize(x, gamma.stored(), beta.stored(), range, epsilon);
}

void GroupNormalization::describe(Description& description) {
  description.option("groups", groups, at_least(-1));
  description.option("axis", axis);
  description.option("epsilon", epsilon, at_least(0));
  description.option("center", center);
  description.option("scale", scale);
  describe_gamma_and_beta(description);
}

Shape GroupNormalization::output_shape(const Shape& input) const {
  AxisRange range = axes_of(name, class_name, {axis.value}, input);
  check(
      range.first == 1 || range.first == input.rank(),
      "{}: the channels of a GroupNormalization are the first or the last axis of a sample, not axis {} of a "
      "batch of samples {}",
      name, axis.value, input);
  int64_t channels = input[range.first - 1], parts = groups == -1 ? channels : groups;
  check(parts >= 1 && channels % parts == 0, "{}: {} channels cannot be divided into {} groups", name,
        channels, parts);
  return input;
}

void GroupNormalization::build(const Shape& input, Weights& weights) {
  Shape channels = lengths_of_range(input, axes_of(name, class_name, {axis.value}, input));
  if (scale) weights.add(gamma, "gamma", channels, Initializer::ones());
  if (center) weights.add(beta, "beta", channels, Initializer::zeros());
}

Tensor GroupNormalization::call(const Tensor& x) const {
  int channels = axes_of(name, class_name, {axis.value}, x.shape().sample()).first;
  return group_normalize(x, gamma.stored(), beta.stored(), groups == -1 ? x.shape()[channels] : groups,
                         epsilon, channels);
}

Shape UnitNormalization::output_shape(const Shape& input) const {
  axes_of(name, class_name, axis.values, input);
  return input;
}

Tensor UnitNormalization::call(const Tensor& x) const {
  return unit_normalize(x, axes_of(name, class_name, axis.values, x.shape().sample()));
}

std::optional<KeptAxes> OptionType<KeptAxes>::read(const Config& config) {
  KeptAxes axes{};
  if (config.is_null()) return axes;
  if (std::optional<int64_t> one = OptionType<int64_t>::read(config)) return KeptAxes(*one);
  std::optional<std::vector<int64_t>> several = OptionType<std::vector<int64_t>>::read(config);
  if (!several) return std::nullopt;
  axes.values = *several;
  return axes;
}

std::optional<Numbers> OptionType<Numbers>::read(const Config& config) {
  if (std::optional<double> one = OptionType<double>::read(config)) return Numbers(*one);
  if (!config.is_list()) return std::nullopt;
  Numbers all{std::vector<double>()};
  for (const Config& item : config.as_list()) {
    std::optional<Numbers> some = read(item);
    if (!some) return std::nullopt;
    all.values.insert(all.values.end(), some->values.begin(), some->values.end());
  }
  return all;
}

Config OptionType<Numbers>::write(const Numbers& value) {
  if (value.values.size() == 1) return value.values[0];
  return OptionType<std::vector<double>>::write(value.values);
}

namespace {

/// The range of a Normalization's axes; without an axis an empty one behind the last.
AxisRange kept_axes(const Normalization& layer, const Shape& sample) {
  if (layer.axis.values.empty()) return {sample.rank() + 1, 0};
  return axes_of(layer.name, Normalization::class_name, layer.axis.values, sample);
}

/// max(sqrt(variance), 1e-7), as Keras divides.
Tensor deviation_of(const Tensor& variance) {
  constexpr double least = 1e-7;
  return scale(relu(scale(sqrt(variance), 1, -least)), 1, least);
}

/// Statistics of axes in the middle of x, repeated for the axes behind them.
Tensor spread(const Tensor& statistics, const Tensor& x, AxisRange range) {
  int64_t behind = 1;
  for (int axis = range.first + range.count; axis < x.shape().rank(); ++axis) behind *= x.shape()[axis];
  if (behind == 1 || range.count == 0) return statistics;
  Tensor column = reshape(statistics, {statistics.elements(), 1});
  Tensor repeated = matmul(column, Tensor::full({1, behind}, 1, x.dtype(), x.device()));
  return reshape(repeated, Shape(std::span(x.shape().begin() + range.first, x.shape().end())));
}

}  // namespace

void Normalization::describe(Description& description) {
  description.option("axis", axis);
  description.option("mean", mean);
  description.option("variance", variance, at_least(0));
  description.option("invert", invert);
}

Shape Normalization::output_shape(const Shape& input) const {
  check(mean.has_value() == variance.has_value(), "{}: a Normalization has both mean and variance or neither",
        name);
  size_t wanted = static_cast<size_t>(lengths_of_range(input, kept_axes(*this, input)).elements());
  for (const std::optional<Numbers>* numbers : {&mean, &variance})
    check(!*numbers || (*numbers)->values.size() == 1 || (*numbers)->values.size() == wanted,
          "{}: {} numbers of a Normalization do not fit the {} places of samples {}", name,
          *numbers ? (*numbers)->values.size() : 0, wanted, input);
  return input;
}

void Normalization::build(const Shape& input, Weights& weights) {
  if (mean) return;
  Shape lengths = lengths_of_range(input, kept_axes(*this, input));
  weights.add_statistic(mean_weight, "mean", lengths, Initializer::zeros());
  weights.add_statistic(variance_weight, "variance", lengths, Initializer::ones());
  weights.add_statistic(count, "count", {}, Initializer::zeros());
}

Tensor Normalization::call(const Tensor& x) const {
  AxisRange range = kept_axes(*this, x.shape().sample());
  Shape lengths = lengths_of_range(x.shape().sample(), range);
  const Tensor& means = mean ? constant_like(mean->values, lengths, x, constants[0]) : mean_weight.value();
  const Tensor& variances =
      variance ? constant_like(variance->values, lengths, x, constants[1]) : variance_weight.value();
  Tensor centre = spread(means, x, range), deviation = spread(deviation_of(variances), x, range);
  return invert ? add(multiply(x, deviation), centre) : divide(subtract(x, centre), deviation);
}

void Normalization::adapt(const Tensor& data) {
  check(data.shape().rank() >= 1 && data.elements() > 0, "{}: data {} has nothing to adapt to", class_name,
        data.shape());
  AxisRange range = kept_axes(*this, data.shape().sample());
  int64_t places = lengths_of_range(data.shape().sample(), range).elements(), behind = 1;
  for (int axis = range.first + range.count; axis < data.shape().rank(); ++axis) behind *= data.shape()[axis];
  std::vector<double> values = data.to(Device::cpu()).to(DType::f64).to_vector<double>();
  std::vector<double> means(places), variances(places);
  auto place_of = [=](size_t i) { return static_cast<int64_t>(i) / behind % places; };
  double rows = static_cast<double>(values.size()) / static_cast<double>(places);
  for (size_t i = 0; i < values.size(); ++i) means[place_of(i)] += values[i] / rows;
  for (size_t i = 0; i < values.size(); ++i) {
    double distance = values[i] - means[place_of(i)];
    variances[place_of(i)] += distance * distance / rows;
  }
  mean = Numbers(std::move(means));
  variance = Numbers(std::move(variances));
}

template class LayerOf<BatchNormalization>;
template class LayerOf<LayerNormalization>;
template class LayerOf<GroupNormalization>;
template class LayerOf<UnitNormalization>;
template class LayerOf<Normalization>;

}  // namespace manul
