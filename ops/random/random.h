#pragma once

#include "manul/framework/kernel.h"
#include "manul/framework/step.h"
#include "manul/ops/random/random_function.h"

namespace manul {

// Tensors of random numbers, f32 or f64, on the device of `state`. A number is a function of (seed and
// iteration of `state`, `stream`, its place in the whole batch): `stream` is random_key of the layer's
// path. No gradient flows into them.

/// In [low, high).
Tensor random_uniform(const Shape& shape, double low, double high, const DeviceStepState& state,
                      uint64_t stream, DType dtype = DType::f32);
Tensor random_normal(const Shape& shape, double mean, double deviation, const DeviceStepState& state,
                     uint64_t stream, DType dtype = DType::f32);
/// 1 with this probability, else 0.
Tensor random_bernoulli(const Shape& shape, double probability, const DeviceStepState& state, uint64_t stream,
                        DType dtype = DType::f32);

/// `place`: of the first element.
MANUL_KERNEL(random, void(Distribution distribution, double first, double second, const Tensor& state,
                          uint64_t stream, int64_t place, const Tensor& y));

}  // namespace manul
