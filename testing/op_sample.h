#pragma once

#include <functional>
#include <string>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// An input of a sample: floats on a shuffled grid over low .. high, all different and none at the middle, so
/// that maxima are unique and corners at 0 are not met; or, as i32, integers low .. high - 1.
struct OpInput {
  Shape shape;
  double low = -1, high = 1;
  bool gradient = true;      // watched: its gradient is checked
  DType dtype = DType::f32;  // f32: floats in the precision of the run
  bool stays_f32 = false;    // where that is bf16: a weight or statistic that goes with it
};

/// One call of an op, for the tests (op_check.h) and the benchmark.
struct OpSample {
  std::string name;  // letters, digits and underscores
  std::vector<OpInput> inputs;
  std::function<Tensor(const std::vector<Tensor>&)> function;
  double tolerance = 1e-5;  // f32 against f64, and CUDA against CPU, relative to the largest element
  /// How many roundings to bf16, each of 2^-9, the numbers of a run in bf16 may be away from f64, relative to
  /// the largest element: what is kept between the kernels of an op is rounded, and so is what its gradient
  /// begins with. 0: there is no such run, as where a rounding moves a number over an edge.
  double bf16_roundings = 4;
};

/// The inputs of `sample`, floats as `dtype`, not watched. The same numbers on every call.
/// `rounded`: to bf16 before.
std::vector<Tensor> make_inputs(const OpSample& sample, DType dtype, Device device, bool rounded = false);

/// Numbers as an OpInput of low -1 and high 1 has; `salt` tells one such tensor from another.
Tensor test_values(const Shape& shape, uint64_t salt, DType dtype = DType::f32, Device device = {},
                   double low = -1, double high = 1);

}  // namespace manul
