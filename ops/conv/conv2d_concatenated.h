#pragma once

#include <span>

#include "manul/ops/conv/conv2d.h"

namespace manul {

/// conv2d(concat(parts, -1), kernel, bias, options). Where the CPU convolves by Winograd's transforms, the
/// parts are read where they lie and their gradients written there, with no concatenation; otherwise by these
/// ops.
Tensor conv2d_of_concatenated(const std::vector<Tensor>& parts, const Tensor& kernel, const Tensor& bias,
                              const Conv2DOptions& options = {});

namespace cpu {
/// The gradient of a part: [N, H, W, channels], or undefined where nobody wants it. `add`: to what is there.
struct ChannelGradient {
  Tensor to;
  int64_t channels;
  bool add = false;
};

/// Whether these are served, of f32: [N, H, W, C] each, with the geometry of all channels.
bool takes_concatenated(std::span<const Tensor> x, const WindowGeometry& geometry, int64_t filters);
void conv2d_concatenated_forward(std::span<const Tensor> x, const Tensor& kernel, const Tensor& bias,
                                 const WindowGeometry& geometry, const Tensor& y);
void conv2d_concatenated_backward_input(const Tensor& dy, const Tensor& kernel,
                                        const WindowGeometry& geometry, std::span<const ChannelGradient> dx);
/// dkernel and dbias (either may be undefined: not wanted).
void conv2d_concatenated_backward_kernel(std::span<const Tensor> x, const Tensor& dy,
                                         const WindowGeometry& geometry, const Tensor& dkernel,
                                         const Tensor& dbias);
}  // namespace cpu

}  // namespace manul
