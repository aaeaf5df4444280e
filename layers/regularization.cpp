#include "manul/layers/regularization.h"

#include <cmath>

#include "manul/framework/random.h"
#include "manul/ops/random/dropout.h"
#include "manul/ops/random/random.h"
#include "manul/ops/regularizers/regularizer_table.h"
#include "manul/ops/regularizers/regularizers.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

/// The state that a layer in training draws from, and its stream.
struct Source {
  DeviceStepState state;
  uint64_t stream;
};
template <class Options>
Source source_of(const Options& options, const CallContext& context) {
  check(context.state != nullptr, "{}: a layer of the class {} draws from the state of the step in training",
        options.name, Options::class_name);
  return {*context.state, random_key(options.name.c_str())};
}

Shape shape_of_noise(const std::string& name, const NoiseShape& noise, const Shape& input) {
  check(static_cast<int>(noise.lengths.size()) == input.rank(),
        "{}: the noise_shape has {} lengths, a batch {} has {}", name, noise.lengths.size(), input,
        input.rank());
  std::vector<int64_t> lengths;
  for (int axis = 0; axis < input.rank(); ++axis) {
    int64_t length = noise.lengths[axis].value_or(input[axis]);
    check(length == 1 || length == input[axis], "{}: the noise_shape has {} where a batch {} has {}", name,
          length, input, input[axis]);
    lengths.push_back(length);
  }
  return Shape(lengths);
}

/// 1 where elements are kept, else 0, as large as x.
Tensor kept(const Tensor& x, double rate, const Shape& noise, const Source& source) {
  return broadcast_to(random_bernoulli(noise, 1 - rate, source.state, source.stream, x.dtype()), x.shape());
}

Tensor shared_dropout(const Tensor& x, double rate, const Shape& noise, const Source& source) {
  return scale(multiply(x, kept(x, rate, noise, source)), 1 / (1 - rate));
}

}  // namespace

std::optional<NoiseShape> OptionType<NoiseShape>::read(const Config& config) {
  if (!config.is_list()) return std::nullopt;
  NoiseShape shape;
  for (const Config& item : config.as_list()) {
    auto length = OptionType<std::optional<int64_t>>::read(item);
    if (!length) return std::nullopt;
    shape.lengths.push_back(*length);
  }
  return shape;
}

Config OptionType<NoiseShape>::write(const NoiseShape& value) {
  Config::List list;
  for (const std::optional<int64_t>& length : value.lengths)
    list.push_back(OptionType<std::optional<int64_t>>::write(length));
  return list;
}

std::vector<double> OptionType<NoiseShape>::numbers(const NoiseShape& value) {
  std::vector<double> numbers;
  for (const std::optional<int64_t>& length : value.lengths)
    if (length) numbers.push_back(static_cast<double>(*length));
  return numbers;
}

void Dropout::describe(Description& description) {
  description.required({"rate", "p"}, rate, from_to_below(0, 1));
  description.option("noise_shape", noise_shape, at_least(1));
  description.kept("seed");
}

Tensor Dropout::call(const Tensor& x, const CallContext& context) const {
  if (!context.training || rate == 0) return x;
  check(context.state != nullptr, "{}: a Dropout in training draws from the state of the step", name);
  if (noise_shape) {
    Source source = source_of(*this, context);
    bool shared_by_samples = noise_shape->lengths.front() == 1;
    if (shared_by_samples) source.state = source.state.of_whole_batch();
    return shared_dropout(x, rate, shape_of_noise(name, *noise_shape, x.shape()), source);
  }
  return dropout(x, rate, *context.state, random_key(name.c_str()));
}

std::shared_ptr<const Regularizer> ActivityRegularization::activity_regularizer() const {
  return std::make_shared<RegularizerOf<L1L2>>(L1L2{.l1 = l1, .l2 = l2});
}

template <int axes>
Tensor SpatialDropout<axes>::call(const Tensor& x, const CallContext& context) const {
  if (!context.training || rate == 0) return x;
  Shape noise = x.shape();
  for (int axis = 1; axis <= axes; ++axis) noise = with_length(noise, axis, 1);
  return shared_dropout(x, rate, noise, source_of(*this, context));
}
template struct SpatialDropout<1>;
template struct SpatialDropout<2>;

Tensor GaussianNoise::call(const Tensor& x, const CallContext& context) const {
  if (!context.training || stddev == 0) return x;
  auto [state, stream] = source_of(*this, context);
  return add(x, random_normal(x.shape(), 0, stddev, state, stream, x.dtype()));
}

Tensor GaussianDropout::call(const Tensor& x, const CallContext& context) const {
  if (!context.training || rate == 0) return x;
  auto [state, stream] = source_of(*this, context);
  return multiply(x, random_normal(x.shape(), 1, std::sqrt(rate / (1 - rate)), state, stream, x.dtype()));
}

void AlphaDropout::describe(Description& description) {
  description.required({"rate", "p"}, rate, from_to_below(0, 1));
  description.fixed("noise_shape", nullptr, Written::if_set);  // Keras 3
  description.kept("seed");
}

Tensor AlphaDropout::call(const Tensor& x, const CallContext& context) const {
  if (!context.training || rate == 0) return x;
  constexpr double limit = -1.7580993408473766;  // of selu at minus infinity
  double factor = 1 / std::sqrt((1 - rate) * (1 + rate * limit * limit)), offset = -factor * limit * rate;
  Tensor stays = kept(x, rate, x.shape(), source_of(*this, context));
  Tensor dropped = add(multiply(x, stays), scale(stays, -limit, limit));
  return scale(dropped, factor, offset);
}

template class LayerOf<Dropout>;
template class LayerOf<ActivityRegularization>;
template class LayerOf<SpatialDropout1D>;
template class LayerOf<SpatialDropout2D>;
template class LayerOf<GaussianNoise>;
template class LayerOf<GaussianDropout>;
template class LayerOf<AlphaDropout>;

}  // namespace manul
