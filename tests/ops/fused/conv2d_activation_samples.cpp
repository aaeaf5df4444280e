#include "manul/ops/fused/conv2d_activation.h"

#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

/// A rounding to bf16 moves sums over the edge of relu and relu6.
double roundings_behind(Activation activation) {
  return activation == Activation::relu || activation == Activation::relu6 ? 0 : 8;
}

OpSample sample(const char* name, const Shape& x, const Shape& kernel, const Shape& y,
                const Conv2DOptions& options, Activation activation, bool has_bias = true,
                bool added = false) {
  std::vector<OpInput> inputs{{x}, {kernel}};
  if (has_bias) inputs.push_back({{kernel[0]}});
  if (added) inputs.push_back({y});
  return {name, inputs,
          [=](Inputs in) {
            return conv2d_activation(in[0], in[1], has_bias ? in[2] : Tensor(), options,
                                     {added ? in.back() : Tensor(), activation});
          },
          1e-5, roundings_behind(activation)};
}

OpSample depthwise(const char* name, const Shape& x, const Shape& kernel,
                   const DepthwiseConv2DOptions& options, Activation before, Activation after) {
  return {name,
          {{x, -2, 7}, {kernel}, {{kernel[2] * kernel[3]}}},
          [=](Inputs in) { return depthwise_conv2d_activation(in[0], in[1], in[2], options, before, after); },
          1e-5,
          roundings_behind(after)};
}

}  // namespace

std::vector<OpSample> conv2d_activation_samples() {
  Conv2DOptions same{.padding = Padding::same}, strided{.strides = {2, 2}, .padding = Padding::same};
  Conv2DOptions grouped{.padding = Padding::same, .groups = 2}, each{.padding = Padding::same, .groups = 6};
  return {
      sample("conv_relu", {2, 9, 8, 3}, {16, 3, 3, 3}, {}, {}, Activation::relu),
      sample("conv_add_relu", {2, 9, 8, 6}, {20, 3, 3, 6}, {2, 9, 8, 20}, same, Activation::relu, true, true),
      sample("conv_add", {2, 9, 8, 6}, {8, 3, 3, 6}, {2, 5, 4, 8}, strided, Activation::linear, true, true),
      sample("conv_plain", {2, 9, 8, 6}, {8, 3, 3, 6}, {}, same, Activation::linear),
      sample("conv_product_add_relu", {3, 9, 8, 16}, {32, 1, 1, 16}, {3, 9, 8, 32}, {}, Activation::relu,
             true, true),
      sample("conv_product_silu", {3, 9, 8, 16}, {5, 1, 1, 16}, {}, {}, Activation::silu),
      sample("conv_tanh_without_bias", {2, 9, 8, 4}, {8, 3, 3, 4}, {}, same, Activation::tanh, false),
      sample("conv_add_gelu_without_bias", {2, 9, 8, 4}, {8, 3, 3, 4}, {2, 9, 8, 8}, same, Activation::gelu,
             false, true),
      sample("conv_grouped_add_relu6", {2, 9, 8, 6}, {8, 3, 3, 3}, {2, 9, 8, 8}, grouped, Activation::relu6,
             true, true),
      sample("conv_grouped_sigmoid", {2, 9, 8, 6}, {8, 3, 3, 3}, {}, grouped, Activation::sigmoid),
      sample("conv_winograd_relu", {2, 9, 8, 32}, {32, 3, 3, 32}, {}, same, Activation::relu),
      sample("conv_of_each_channel_relu", {2, 9, 8, 6}, {12, 3, 3, 1}, {}, each, Activation::relu),
      depthwise("depthwise_relu6", {2, 9, 8, 12}, {3, 3, 12, 1}, {.padding = Padding::same},
                Activation::linear, Activation::relu6),
      depthwise("depthwise_relu6_before_and_behind", {2, 9, 8, 12}, {3, 3, 12, 1},
                {.strides = {2, 2}, .padding = Padding::same}, Activation::relu6, Activation::relu6),
      depthwise("depthwise_hard_silu_before_silu", {2, 9, 8, 8}, {5, 5, 8, 1},
                {.borders = Borders2D{{1, 2}, {2, 1}}}, Activation::hard_silu, Activation::silu),
      depthwise("depthwise_relu_before_tanh", {2, 9, 8, 3}, {3, 3, 3, 2}, {}, Activation::relu,
                Activation::tanh),
      depthwise("depthwise_gelu_before_relu", {2, 9, 8, 8}, {3, 3, 8, 1}, {.dilation = {2, 1}},
                Activation::gelu, Activation::relu),
  };
}

}  // namespace manul
