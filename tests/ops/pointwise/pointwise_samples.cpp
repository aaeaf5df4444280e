#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/where.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);
using Inputs = const std::vector<Tensor>&;

OpSample unary(const char* name, Unary function, const Shape& shape, double low = -3, double high = 3) {
  return {name, {{shape, low, high}}, [function](Inputs x) { return function(x[0]); }};
}

OpSample binary(const char* name, Binary function, const Shape& a, const Shape& b) {
  return {name, {{a}, {b, 0.5, 2}}, [function](Inputs x) { return function(x[0], x[1]); }};
}

/// Every activation of the table, away from 0, where some have corners.
std::vector<OpSample> activation_samples() {
  std::vector<OpSample> samples;
  for (Activation activation : all_activations()) {
    OpSample sample{fmt::format("activation_{}", static_cast<int>(activation)),
                    {{{7, 35}, -2.4, 2.4}},
                    [=](Inputs x) { return activate(x[0], activation); }};
    if (activation != Activation::linear) samples.push_back(sample);
  }
  return samples;
}

std::vector<OpSample> function_samples() {
  return {
      binary("add_equal_shapes", add, {2, 7, 5, 3}, {2, 7, 5, 3}),
      binary("add_bias", add, {2, 7, 5, 3}, {3}),
      binary("add_one_number", add, {2, 7, 5, 3}, {}),
      binary("subtract_last_axes", subtract, {3, 7, 5, 2}, {5, 2}),
      binary("subtract_equal_shapes", subtract, {65, 33}, {65, 33}),
      binary("multiply_equal_shapes", multiply, {129, 257}, {129, 257}),
      binary("multiply_channels", multiply, {65, 7, 5, 19}, {19}),
      binary("multiply_gate", multiply, {5, 7, 3, 19}, {5, 1, 1, 19}),
      binary("multiply_gate_packs", multiply, {3, 17, 13, 16}, {3, 1, 1, 16}),
      binary("add_gate_first_axes", add, {3, 4, 5, 6}, {3, 4, 1, 6}),
      binary("subtract_gate_last_axis", subtract, {3, 4, 5}, {3, 4, 1}),
      binary("divide_middle", divide, {4, 6, 5}, {4, 1, 5}),
      binary("multiply_one_element", multiply, {1}, {1}),
      binary("divide_equal_shapes", divide, {33, 17}, {33, 17}),
      binary("divide_channels", divide, {9, 7, 5, 3}, {3}),
      binary("divide_by_one_number", divide, {9, 7, 5, 3}, {1}),
      {"multiply_by_itself", {{{7, 5}}}, [](Inputs x) { return multiply(x[0], x[0]); }},
      {"scale", {{{2, 7, 5, 3}}}, [](Inputs x) { return scale(x[0], -1.75, 0.25); }},
      unary("negative", negative, {7, 5}),
      unary("exp", exp, {31, 67}),
      unary("log", log, {7, 5}, 0.1, 4),
      unary("sqrt", sqrt, {7, 5}, 0.1, 4),
      unary("square", square, {7, 5}),
      unary("relu", relu, {2, 7, 5, 3}),
      unary("relu_many", relu, {67, 513}),
      unary("sigmoid", sigmoid, {31, 67}, -8, 8),
      unary("tanh", tanh, {31, 67}),
      unary("tanh_one_element", tanh, {1}),
      binary("maximum_equal_shapes", maximum, {2, 7, 5, 3}, {2, 7, 5, 3}),
      binary("maximum_channels", maximum, {2, 7, 5, 3}, {3}),
      binary("minimum_one_number", minimum, {2, 7, 5, 3}, {}),
      {"where",
       {{{7, 5, 3}, -1, 1, false}, {{7, 5, 3}}, {{5, 3}}},
       [](Inputs x) { return where(greater(x[0], 0), x[1], x[2]); }},
      {"where_integers",
       {{{7, 5}, 0, 2, false, DType::i32}, {{}}, {{7, 5}}},
       [](Inputs x) { return where(x[0], x[1], x[2]); }},
      {"maximum_number", {{{7, 5}}}, [](Inputs x) { return maximum(x[0], 0.123); }},
      {"greater_as_mask",
       {{{7, 5}}, {.shape = {5}, .gradient = false}},
       [](Inputs x) { return x[0] * greater(x[0], x[1]); }},
      {"less_equal_as_mask",
       {{.shape = {7, 5}, .gradient = false}, {{7, 5}, -0.773, 0.917}},
       [](Inputs x) { return x[1] * less_equal(x[0], x[1]); }},
      {"operators",
       {{{7, 5}}, {{7, 5}, 0.5, 2}},
       [](Inputs x) { return 2 * x[0] - (1 - x[1]) * x[0] / 3 + 0.5 / x[1] - -(x[0] + 1) * (x[1] - 2); },
       1e-5,
       8},
      unary("abs", abs, {7, 37}),
      unary("reciprocal", reciprocal, {7, 37}, 0.5, 4),
      {"pow", {{{7, 37}, 0.2, 3}}, [](Inputs x) { return pow(x[0], 2.5); }},
      {"clip", {{{7, 37}, -3, 3}}, [](Inputs x) { return clip(x[0], -1.23, 2.17); }},
      {"relu_with_options",
       {{{7, 37}, -3, 3}},
       [](Inputs x) { return relu(x[0], {.max_value = 2.17, .negative_slope = 0.3, .threshold = 0.51}); }},
      {"leaky_relu", {{{7, 37}, -3, 3}}, [](Inputs x) { return leaky_relu(x[0], 0.3); }},
      {"elu_alpha", {{{7, 37}, -3, 3}}, [](Inputs x) { return elu(x[0], 0.7); }},
      {"gelu_approximate", {{{7, 37}, -3, 3}}, [](Inputs x) { return gelu(x[0], true); }},
      unary("log_softmax_many_classes", log_softmax, {3, 1001}, -8, 8),
      unary("softmax", softmax, {33, 5}),
      unary("softmax_images", softmax, {2, 7, 5, 3}, -8, 8),
      unary("softmax_many_classes", softmax, {3, 1001}),
      unary("softmax_packs", softmax, {9, 64}),
      unary("softmax_many_packs", softmax, {5, 392}),
      unary("softmax_patches", softmax, {70, 196}),
      unary("log_softmax_packs", log_softmax, {5, 40}, -8, 8),
      unary("softmax_one_class", softmax, {7, 1}),
  };
}

}  // namespace

std::vector<OpSample> pointwise_samples() {
  std::vector<OpSample> samples = function_samples();
  for (const OpSample& sample : activation_samples()) samples.push_back(sample);
  return samples;
}

}  // namespace manul
