#include "manul/ops/fused/normalize_activation.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

std::vector<OpInput> operands(const Shape& shape, bool added) {
  Shape channels{shape[-1]};
  std::vector<OpInput> inputs{{shape, -2, 3}, {channels, 0.5, 2}, {channels}};
  inputs.push_back({channels, -1, 1, false});
  inputs.push_back({channels, 0.5, 2, false});
  for (size_t i = 1; i < inputs.size(); ++i) inputs[i].stays_f32 = true;
  if (added) inputs.push_back({shape, -1, 2});
  return inputs;
}

OpSample in_training(const char* name, const Shape& shape, Activation activation, bool added = false) {
  return {name, operands(shape, added), [activation, added](Inputs x) {
            return normalize_activation_training(x[0], x[1], x[2], x[3], x[4], 1e-3, 0.99,
                                                 {added ? x[5] : Tensor(), activation});
          }};
}

OpSample in_inference(const char* name, const Shape& shape, Activation activation, bool added = false) {
  return {name, operands(shape, added), [activation, added](Inputs x) {
            return normalize_activation_inference(x[0], x[1], x[2], x[3], x[4], 1e-3,
                                                  {added ? x[5] : Tensor(), activation});
          }};
}

}  // namespace

std::vector<OpSample> normalize_activation_samples() {
  return {
      in_training("normalize_relu", {2, 7, 5, 8}, Activation::relu),
      in_training("normalize_relu_odd_channels", {2, 7, 5, 3}, Activation::relu),
      in_training("normalize_relu_many", {5, 33, 17, 20}, Activation::relu),
      in_training("normalize_add", {2, 7, 5, 8}, Activation::linear, true),
      in_training("normalize_add_relu_even_channels", {2, 7, 5, 8}, Activation::relu, true),
      in_training("normalize_add_relu_odd_channels", {3, 4, 5, 7}, Activation::relu, true),
      in_training("normalize_relu6", {3, 4, 5, 12}, Activation::relu6),
      in_training("normalize_silu", {3, 4, 5, 12}, Activation::silu),
      in_training("normalize_add_silu", {3, 4, 5, 12}, Activation::silu, true),
      in_training("normalize_hard_silu", {3, 4, 5, 12}, Activation::hard_silu),
      in_training("normalize_gelu_in_parts", {3, 4, 5, 12}, Activation::gelu, true),
      {"normalize_relu_bare",
       {{{2, 7, 5, 4}, -2, 3}, {{4}, -1, 1, false}, {{4}, 0.5, 2, false}},
       [](Inputs x) {
         return normalize_activation_training(x[0], {}, {}, x[1], x[2], 1e-3, 0.9,
                                              {.activation = Activation::relu});
       }},
      in_inference("normalize_relu_inference", {2, 7, 5, 8}, Activation::relu),
      in_inference("normalize_add_relu_inference", {2, 7, 5, 8}, Activation::relu, true),
  };
}

}  // namespace manul
