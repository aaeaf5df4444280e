#pragma once

#include <optional>

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

namespace manul {

struct Conv2DTransposeOptions {
  std::array<int64_t, 2> strides{1, 1};
  Padding padding = Padding::valid;
  /// Rows and columns behind those that the window reaches, as Keras counts them; without: as long as the
  /// padding has it.
  std::optional<std::array<int64_t, 2>> output_padding = {};
  std::array<int64_t, 2> dilation{1, 1};
};

/// The gradient of a convolution by its input, as an op: x [N, H, W, C], kernel [C, kh, kw, filters], bias
/// [filters] or undefined -> [N, OH, OW, filters], f32 or f64. With k = (kh - 1) * dilation + 1: same: OH = H
/// * stride; valid: H * stride + max(k - stride, 0); with output padding p: (H - 1) * stride + k - 2 * pad +
/// p, where pad is k / 2 rounded down (same) or 0 (valid).
Tensor conv2d_transpose(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                        const Conv2DTransposeOptions& options = {});

/// {OH, OW} for an input of this {height, width}. Throws where a length is not positive or does not belong to
/// a convolution that gives the input's; `operation` names the caller.
std::array<int64_t, 2> conv2d_transpose_size(const char* operation, const std::array<int64_t, 2>& input,
                                             const std::array<int64_t, 2>& kernel,
                                             const Conv2DTransposeOptions& options);

namespace cuda {
/// What conv2d_transpose() computes of f32 or bf16: of the convolution whose input gradient it is, x its
/// output gradient, y [N, OH, OW, filters]. Windows side by side are products that write rows of y with their
/// bias.
void conv2d_transpose_with_bias(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                const WindowGeometry& geometry, const Tensor& y);
}  // namespace cuda
inline constexpr Kernel<decltype(cuda::conv2d_transpose_with_bias)> conv2d_transpose_with_bias_kernel(
    "conv2d_transpose", nullptr, MANUL_CUDA(cuda::conv2d_transpose_with_bias), TakesBf16::on_cuda);

}  // namespace manul
