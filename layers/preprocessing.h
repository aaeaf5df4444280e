#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "manul/framework/config/option_type.h"
#include "manul/layers/layer.h"

namespace manul {

/// A number for all channels, or one for each place of the last axis.
struct ChannelNumbers {
  std::vector<double> values;

  ChannelNumbers(double value) : values{value} {}
  ChannelNumbers(std::vector<double> values) : values(std::move(values)) {}
  ChannelNumbers(std::initializer_list<double> values) : values(values) {}
  bool is_one() const { return values.size() == 1; }
  bool operator==(const ChannelNumbers&) const = default;
};

template <>
struct OptionType<ChannelNumbers> {
  static constexpr const char* wanted = "a number or a list of numbers";
  static std::optional<ChannelNumbers> read(const Config& config);
  static Config write(const ChannelNumbers& value);
  static std::vector<double> numbers(const ChannelNumbers& value) { return value.values; }
};

/// Keras' Rescaling: x * scale + offset; of each a number, or one for each channel.
struct Rescaling {
  static constexpr const char* class_name = "Rescaling";
  static constexpr bool supports_masking = true;
  ChannelNumbers scale = 1.0;
  ChannelNumbers offset = 0.0;
  std::string name = {};
  mutable Tensor constants[2] = {};  // lists of scale and offset on the device of the last call

  void describe(Description& description) {
    description.option("scale", scale);
    description.option("offset", offset);
  }
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<Rescaling> rescaling_registration;
extern template class LayerOf<Rescaling>;

}  // namespace manul
