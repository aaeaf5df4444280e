#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

// Convolutions in f32 on a GPU as products of matrices: cuBLAS' wall is in framework/cuda/blas.h.
namespace manul {
namespace cuda {

/// y = x * kernel + bias, which may be undefined, of a convolution of one group: products of what the windows
/// of some output pixels see, gathered unless the convolution is a product as it stands (1x1, stride 1, no
/// border). In true f32 faster than cuDNN, which copies the picture into another order there.
/// dx = (`add` ? dx : 0) + dy * kernel: products with the kernel, of which a pixel of dx adds what belongs to
/// it in a fixed order. Both want at most about `most_elements` of f32 besides. False, and nothing is done,
/// if cuBLAS has no algorithm or one picture alone wants more.
bool forward_by_products(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                         const WindowGeometry& geometry, int64_t most_elements, const Tensor& y);
bool input_gradient_by_products(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                                bool add, int64_t most_elements, const Tensor& dx);
/// y = x * kernel + bias + addend (which may be undefined), then relu if it is wanted, of a convolution that
/// is a product as it stands. False, and nothing is done, if it is none or cuBLAS has no algorithm.
bool forward_with_tail(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                       const WindowGeometry& geometry, const Tensor& addend, bool relu, const Tensor& y);

/// The kernel's gradient of any convolution of one group as products of dy with what its windows see, for
/// some thousand output pixels each, whose results, at most `most_elements` at a time, are added in double in
/// a fixed order. False, and nothing is done, if cuBLAS has no algorithm.
bool kernel_gradient_by_products(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                                 const Tensor& dkernel, int64_t most_elements);
inline constexpr int64_t most_parts = int64_t{1} << 25;

}  // namespace cuda

inline constexpr Kernel<decltype(cuda::forward_by_products)> forward_by_products_kernel(
    "forward_by_products", nullptr, MANUL_CUDA(cuda::forward_by_products));
inline constexpr Kernel<decltype(cuda::input_gradient_by_products)> input_gradient_by_products_kernel(
    "input_gradient_by_products", nullptr, MANUL_CUDA(cuda::input_gradient_by_products));
inline constexpr Kernel<decltype(cuda::kernel_gradient_by_products)> kernel_gradient_by_products_kernel(
    "kernel_gradient_by_products", nullptr, MANUL_CUDA(cuda::kernel_gradient_by_products));

}  // namespace manul
