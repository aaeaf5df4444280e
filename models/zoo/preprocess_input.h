#pragma once

#include <array>
#include <string_view>

#include "manul/framework/tensor.h"

namespace manul {

/// How keras.applications prepares RGB pixels 0..255 for a network.
enum class PreprocessMode {
  none,     // not at all: the network takes them as they are
  rescale,  // x / 255
  tf,       // x / 127.5 - 1
  torch,    // (x / 255 - mean) / deviation of the channel in ImageNet
  caffe,    // the channels as BGR, minus their mean in ImageNet
};

/// "none", "rescale", "tf", "torch", "caffe".
std::string_view name_of(PreprocessMode mode);

/// What ImageNet's pixels 0..1 are like: mean and standard deviation of red, green and blue.
inline constexpr std::array<double, 3> imagenet_mean{0.485, 0.456, 0.406};
inline constexpr std::array<double, 3> imagenet_deviation{0.229, 0.224, 0.225};
/// Their mean as Caffe's networks have it, of blue, green and red 0..255.
inline constexpr std::array<double, 3> caffe_mean{103.939, 116.779, 123.68};

/// Keras' preprocess_input of pixels 0..255, f32 [N, .., channels] on any device. torch and caffe take three
/// channels.
Tensor preprocess_input(const Tensor& x, PreprocessMode mode);

}  // namespace manul
