#include "manul/layers/preprocessing.h"

#include "manul/framework/error.h"

namespace manul {

std::optional<ChannelNumbers> OptionType<ChannelNumbers>::read(const Config& config) {
  if (std::optional<double> one = OptionType<double>::read(config)) return ChannelNumbers(*one);
  if (!config.is_list() || config.as_list().empty()) return std::nullopt;
  std::vector<double> values;
  for (const Config& item : config.as_list()) {
    std::optional<double> value = OptionType<double>::read(item);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return ChannelNumbers(std::move(values));
}

Config OptionType<ChannelNumbers>::write(const ChannelNumbers& value) {
  if (value.is_one()) return value.values[0];
  Config::List list;
  for (double number : value.values) list.emplace_back(number);
  return list;
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

/// The numbers as a tensor on the device and in the dtype of `like`; `place` keeps it.
const Tensor& constant(const ChannelNumbers& numbers, const Tensor& like, Tensor& place) {
  if (place.defined() && place.dtype() == like.dtype() && place.device() == like.device()) return place;
  Shape shape{static_cast<int64_t>(numbers.values.size())};
  return place = Tensor::from(numbers.values, shape).to(like.dtype()).to(like.device());
}

}  // namespace

Tensor Rescaling::call(const Tensor& x) const {
  if (scale.is_one() && offset.is_one()) return manul::scale(x, scale.values[0], offset.values[0]);
  Tensor scaled =
      scale.is_one() ? manul::scale(x, scale.values[0]) : multiply(x, constant(scale, x, constants[0]));
  return offset.is_one() ? manul::scale(scaled, 1, offset.values[0])
                         : add(scaled, constant(offset, x, constants[1]));
}

}  // namespace manul
