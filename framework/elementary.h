#pragma once

#include "manul/framework/kernel.h"

namespace manul {

// The arithmetic that tensors and tapes themselves need. Everything else is an op.

/// y += x, elementwise, f32 and f64.
using AccumulateFunction = void(const Tensor& x, const Tensor& y);
/// y = value in every element, any dtype.
using FillFunction = void(double value, const Tensor& y);

namespace cpu {
AccumulateFunction accumulate;
FillFunction fill;
}  // namespace cpu
namespace cuda {
AccumulateFunction accumulate;
FillFunction fill;
}  // namespace cuda

inline constexpr Kernel accumulate_kernel{"accumulate", cpu::accumulate, MANUL_CUDA(cuda::accumulate)};
inline constexpr Kernel fill_kernel{"fill", cpu::fill, MANUL_CUDA(cuda::fill)};

}  // namespace manul
