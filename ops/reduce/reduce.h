#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// Sum or mean of all elements, as a scalar (shape []); f32 or f64. Added in a fixed order, in f64.
Tensor sum(const Tensor& x);
Tensor mean(const Tensor& x);

/// y = scale * sum of x.
using SumFunction = void(const Tensor& x, double scale, const Tensor& y);
/// Every element of dx = scale * dy, a scalar.
using SumBackwardFunction = void(const Tensor& dy, double scale, const Tensor& dx);

namespace cpu {
SumFunction sum;
SumBackwardFunction sum_backward;
}  // namespace cpu
namespace cuda {
SumFunction sum;
SumBackwardFunction sum_backward;
}  // namespace cuda

inline constexpr Kernel sum_kernel{"sum", cpu::sum, MANUL_CUDA(cuda::sum)};
inline constexpr Kernel sum_backward_kernel{"sum_backward", cpu::sum_backward,
                                            MANUL_CUDA(cuda::sum_backward)};

}  // namespace manul
