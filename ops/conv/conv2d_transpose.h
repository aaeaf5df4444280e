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

/// y [N, OH, OW, filters] = the input's gradient of the convolution `geometry`, x its output's, and then +
/// bias, which is added where y is written: on a GPU, of f32 and bf16, windows side by side are products that
/// do so.
MANUL_KERNEL_TAKING_BF16(on_cuda, conv2d_transpose_with_bias,
                         void(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                              const WindowGeometry& geometry, const Tensor& y));

}  // namespace manul
