#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

namespace manul {

struct Pool2DOptions {
  std::array<int64_t, 2> pool{2, 2};
  std::array<int64_t, 2> strides{0, 0};  // 0: as pool
  Padding padding = Padding::valid;
  Borders2D borders =
      0;  // zeros around x, as of zero_pad2d, before the window is laid over it: of max_pool2d alone
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

/// Largest value over height and width: [N, H, W, C] -> [N, C]. Equal ones share the gradient evenly, as of a
/// maximum over axes.
Tensor global_max_pool2d(const Tensor& x);

/// winners, [N, OH, OW, C] or undefined, gets the place in the whole window, row by row, of each largest
/// value: u8, or i32 for windows of more than 256 elements. The CPU knows them without.
MANUL_KERNEL_TAKING_BF16(on_cuda, max_pool2d_forward,
                         void(const Tensor& x, const WindowGeometry& geometry, const Tensor& y,
                              const Tensor& winners));
MANUL_KERNEL_TAKING_BF16(on_cuda, average_pool2d_forward,
                         void(const Tensor& x, const WindowGeometry& geometry, const Tensor& y));
/// The winners tell where the largest values were; on the CPU x and y do. With `add` what dx has is added.
MANUL_KERNEL_TAKING_BF16(on_cuda, max_pool2d_backward,
                         void(const Tensor& x, const Tensor& y, const Tensor& winners, const Tensor& dy,
                              const WindowGeometry& geometry, bool add, const Tensor& dx));
MANUL_KERNEL_TAKING_BF16(on_cuda, average_pool2d_backward,
                         void(const Tensor& dy, const WindowGeometry& geometry, const Tensor& dx));

/// Over all pixels: x [N, .., C], y [N, C].
MANUL_KERNEL(global_max_pool_forward, void(const Tensor& x, const Tensor& y));
MANUL_KERNEL(global_max_pool_backward,
             void(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& dx));

}  // namespace manul
