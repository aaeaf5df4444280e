#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

// Convolutions of 3x3 in f32 on a GPU by Winograd's transforms (winograd.h) and 16 products of matrices.
namespace manul {
namespace cuda {

/// Whether a convolution is served: 3x3, strides and dilation 1, one group, channels and filters by fours and
/// enough of them and of outputs that it pays.
bool is_for_winograd(const WindowGeometry& geometry, int64_t filters);

/// y = x * kernel + bias, which may be undefined; dx = (`add` ? dx : 0) + dy * kernel; and the kernel's
/// gradient, summed over outputs in a fixed order, in double over parts of some thousand. At most
/// `most_elements` of f32 are wanted besides, or what a line of tiles takes. False, and nothing is done, if
/// cuBLAS has no algorithm for the products.
bool forward_by_winograd(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                         const WindowGeometry& geometry, int64_t most_elements, const Tensor& y);
bool input_gradient_by_winograd(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                                bool add, int64_t most_elements, const Tensor& dx);
bool kernel_gradient_by_winograd(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                                 int64_t most_elements, const Tensor& dkernel);

}  // namespace cuda

inline constexpr Kernel<decltype(cuda::forward_by_winograd)> forward_by_winograd_kernel(
    "forward_by_winograd", nullptr, MANUL_CUDA(cuda::forward_by_winograd));
inline constexpr Kernel<decltype(cuda::input_gradient_by_winograd)> input_gradient_by_winograd_kernel(
    "input_gradient_by_winograd", nullptr, MANUL_CUDA(cuda::input_gradient_by_winograd));
inline constexpr Kernel<decltype(cuda::kernel_gradient_by_winograd)> kernel_gradient_by_winograd_kernel(
    "kernel_gradient_by_winograd", nullptr, MANUL_CUDA(cuda::kernel_gradient_by_winograd));

}  // namespace manul
