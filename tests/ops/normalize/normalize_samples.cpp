#include "manul/ops/normalize/normalize.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

/// `mixed`: parameters and statistics of pictures of bf16 are f32.
OpSample training(const char* name, const Shape& shape, bool mixed = true) {
  Shape channels{shape[-1]};
  std::vector<OpInput> inputs{{shape, -2, 3}, {channels, 0.5, 2}, {channels}};
  inputs.push_back({channels, -1, 1, false});
  inputs.push_back({channels, 0.5, 2, false});
  for (size_t i = 1; i < inputs.size(); ++i) inputs[i].stays_f32 = mixed;
  return {name, inputs,
          [](Inputs x) { return batch_normalize_training(x[0], x[1], x[2], x[3], x[4], 1e-3, 0.99); }};
}

OpSample inference(const char* name, const Shape& shape) {
  Shape channels{shape[-1]};
  return {
      name,
      {{shape, -2, 3}, {channels, 0.5, 2}, {channels}, {channels, -1, 1, false}, {channels, 0.5, 2, false}},
      [](Inputs x) { return batch_normalize_inference(x[0], x[1], x[2], x[3], x[4], 1e-3); }};
}

}  // namespace

std::vector<OpSample> normalize_samples() {
  return {
      training("batch_normalize_training", {2, 7, 5, 3}),
      training("batch_normalize_training_many", {5, 33, 17, 19}),
      training("batch_normalize_training_rows", {9, 131}),
      training("batch_normalize_training_of_one_dtype", {3, 5, 4, 8}, false),
      {"batch_normalize_training_bare",
       {{{2, 7, 5, 3}, -2, 3}, {{3}, -1, 1, false}, {{3}, 0.5, 2, false}},
       [](Inputs x) { return batch_normalize_training(x[0], {}, {}, x[1], x[2], 1e-3, 0.9); }},
      inference("batch_normalize_inference", {2, 7, 5, 3}),
      inference("batch_normalize_inference_one_element", {1, 1}),
      {"batch_normalize_inference_bare",
       {{{2, 7, 5, 3}, -2, 3}, {{3}, -1, 1, false}, {{3}, 0.5, 2, false}},
       [](Inputs x) { return batch_normalize_inference(x[0], {}, {}, x[1], x[2], 1e-3); }},
  };
}

}  // namespace manul
