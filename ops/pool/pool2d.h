#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

namespace manul {

struct Pool2DOptions {
  std::array<int64_t, 2> pool{2, 2};
  std::array<int64_t, 2> strides{0, 0};  // 0: as pool
  Padding padding = Padding::valid;
};

/// The window of pooling options, strides filled in.
Window2D pool_window(const Pool2DOptions& options);

/// Largest value of each window: [N, H, W, C] -> [N, OH, OW, C]. Padding never wins; of equal values the
/// first of the window in row-major order gets the gradient.
Tensor max_pool2d(const Tensor& x, const Pool2DOptions& options = {});
/// Mean of each window; padding is not counted.
Tensor average_pool2d(const Tensor& x, const Pool2DOptions& options = {});
/// Mean over height and width: [N, H, W, C] -> [N, C].
Tensor global_average_pool2d(const Tensor& x);

using Pool2DForwardFunction = void(const Tensor& x, const WindowGeometry& geometry, const Tensor& y);
/// x and y tell where the largest values were.
using MaxPool2DBackwardFunction = void(const Tensor& x, const Tensor& y, const Tensor& dy,
                                       const WindowGeometry& geometry, const Tensor& dx);
using AveragePool2DBackwardFunction = void(const Tensor& dy, const WindowGeometry& geometry,
                                           const Tensor& dx);

namespace cpu {
Pool2DForwardFunction max_pool2d_forward, average_pool2d_forward;
MaxPool2DBackwardFunction max_pool2d_backward;
AveragePool2DBackwardFunction average_pool2d_backward;
}  // namespace cpu
namespace cuda {
Pool2DForwardFunction max_pool2d_forward, average_pool2d_forward;
MaxPool2DBackwardFunction max_pool2d_backward;
AveragePool2DBackwardFunction average_pool2d_backward;
}  // namespace cuda

inline constexpr Kernel max_pool2d_forward_kernel{"max_pool2d_forward", cpu::max_pool2d_forward,
                                                  MANUL_CUDA(cuda::max_pool2d_forward)};
inline constexpr Kernel max_pool2d_backward_kernel{"max_pool2d_backward", cpu::max_pool2d_backward,
                                                   MANUL_CUDA(cuda::max_pool2d_backward)};
inline constexpr Kernel average_pool2d_forward_kernel{"average_pool2d_forward", cpu::average_pool2d_forward,
                                                      MANUL_CUDA(cuda::average_pool2d_forward)};
inline constexpr Kernel average_pool2d_backward_kernel{
    "average_pool2d_backward", cpu::average_pool2d_backward, MANUL_CUDA(cuda::average_pool2d_backward)};

}  // namespace manul
