#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

namespace manul {
namespace cuda {

/// A convolution of 1x1 with at most 8 filters, as the last one of a segmentation network, in f32 or bf16:
/// the pixels are read or written once at the speed of memory. cuBLAS' products, made for many columns, take
/// two to four times as long and have no tensor cores for two. Sums in f32, of each pixel in the same order
/// whatever lies beside it.
/// y = x * kernel + bias, which may be undefined; dx = (`add` ? dx : 0) + dy * kernel. False, and nothing is
/// done, for other convolutions and where channels do not come in packs of 16 bytes.
bool forward_of_few_filters(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                            const WindowGeometry& geometry, const Tensor& y);
bool input_gradient_of_few_filters(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                                   bool add, const Tensor& dx);

}  // namespace cuda

inline constexpr Kernel<decltype(cuda::forward_of_few_filters)> forward_of_few_filters_kernel(
    "forward_of_few_filters", nullptr, MANUL_CUDA(cuda::forward_of_few_filters), TakesBf16::on_cuda);
inline constexpr Kernel<decltype(cuda::input_gradient_of_few_filters)> input_gradient_of_few_filters_kernel(
    "input_gradient_of_few_filters", nullptr, MANUL_CUDA(cuda::input_gradient_of_few_filters),
    TakesBf16::on_cuda);

}  // namespace manul
