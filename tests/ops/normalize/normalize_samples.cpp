#include "manul/ops/normalize/normalize.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

OpSample training(const char* name, const Shape& shape) {
  Shape channels{shape[-1]};
  return {
      name,
      {{shape, -2, 3}, {channels, 0.5, 2}, {channels}, {channels, -1, 1, false}, {channels, 0.5, 2, false}},
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
