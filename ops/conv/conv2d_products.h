#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

// Convolutions in f32 on a GPU as products of matrices: cuBLAS' wall is in framework/cuda/blas.h.
namespace manul {
namespace cuda {

/// Whether a convolution is a product as it stands (1x1, stride 1, no border, one group) and cuBLAS serves it
/// better: in true f32, where cuDNN wants a copy of the picture in another order.
bool is_product(const WindowGeometry& geometry);
/// y = x * kernel + bias (which may be undefined), dx = dy * kernel, of such a convolution. False if cuBLAS
/// has no algorithm.
bool forward_by_product(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Tensor& y);
bool input_gradient_by_product(const Tensor& dy, const Tensor& kernel, const Tensor& dx);

/// The kernel's gradient of any convolution of one group as products of dy with what its windows see, for
/// some thousand output pixels each, whose results, at most `most_elements` at a time, are added in double in
/// a fixed order. For shapes that cuDNN has no deterministic algorithm for. False, and nothing is done, if
/// cuBLAS has none either.
bool kernel_gradient_by_products(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                                 const Tensor& dkernel, int64_t most_elements);
inline constexpr int64_t most_parts = int64_t{1} << 25;

}  // namespace cuda

inline constexpr Kernel<decltype(cuda::kernel_gradient_by_products)> kernel_gradient_by_products_kernel(
    "kernel_gradient_by_products", nullptr, MANUL_CUDA(cuda::kernel_gradient_by_products));

}  // namespace manul
