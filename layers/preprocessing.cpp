#include "manul/layers/preprocessing.h"

#include "manul/framework/error.h"
#include "manul/layers/constant_like.h"

namespace manul {

std::optional<ChannelNumbers> OptionType<ChannelNumbers>::read(const Config& config) {
  if (std::optional<double> one = OptionType<double>::read(config)) return ChannelNumbers(*one);
  std::optional<std::vector<double>> values = OptionType<std::vector<double>>::read(config);
  if (!values || values->empty()) return std::nullopt;
  return ChannelNumbers(std::move(*values));
}

Config OptionType<ChannelNumbers>::write(const ChannelNumbers& value) {
  if (value.is_one()) return value.values[0];
  return OptionType<std::vector<double>>::write(value.values);
}

Shape Rescaling::output_shape(const Shape& input) const {
  for (const ChannelNumbers* numbers : {&scale, &offset})
    check(numbers->is_one() ||
              (input.rank() > 0 && numbers->values.size() == static_cast<size_t>(input[input.rank() - 1])),
          "{}: the {} numbers of a Rescaling do not fit the last axis of samples {}", name,
          numbers->values.size(), input);
  return input;
}

namespace {

const Tensor& channel_constant(const ChannelNumbers& numbers, const Tensor& like, Tensor& place) {
  return constant_like(numbers.values, {static_cast<int64_t>(numbers.values.size())}, like, place);
}

}  // namespace

Tensor Rescaling::call(const Tensor& x) const {
  if (scale.is_one() && offset.is_one()) return manul::scale(x, scale.values[0], offset.values[0]);
  Tensor scaled = scale.is_one() ? manul::scale(x, scale.values[0])
                                 : multiply(x, channel_constant(scale, x, constants[0]));
  return offset.is_one() ? manul::scale(scaled, 1, offset.values[0])
                         : add(scaled, channel_constant(offset, x, constants[1]));
}

template class LayerOf<Rescaling>;

}  // namespace manul
