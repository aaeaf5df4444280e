#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

namespace manul {
namespace cuda {

/// The kernel's gradient [F, kh, kw, C] of a convolution of one group, x [N, H, W, C] and dy [N, OH, OW, F]
/// in f32, with operands that are rounded to TF32, the nearest, and sums in f32 of each block's pixels, which
/// are added in double in a fixed order. A block has tiles of both pictures in shared memory, from where all
/// taps and filters read them: memory is read once, but for the borders of tiles, for each 64 filters and
/// about 576 places of [tap, channel]. False, and nothing is done, for windows that reach very far and on
/// GPUs without TF32.
bool kernel_gradient_by_tiles(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                              const Tensor& dkernel);

/// Whether that is faster than cuDNN's deterministic ways, as it is for few filters. Measured on one H200, ms
/// (cuDNN), 3x3 for 32 pictures: of 256 x 256 pixels, 3 channels to 32 filters 0.13 (0.43), 32 to 32 0.38
/// (1.53), 64 to 32 0.70 (1.48); of 128 x 128, 64 to 64 0.29 (0.38), 128 to 64 0.52 (0.66); of 64 x 64, 64 to
/// 128 0.16 (0.16), and with more cuDNN is ahead, but for 256 pictures of 8 x 8, 128 to 128 0.062 (0.083).
/// 7x7 with strides of 2, 3 to 64, for 256 pictures of 224 x 224 0.71 (1.75).
bool is_for_gradient_tiles(const WindowGeometry& geometry, int64_t filters);

}  // namespace cuda

inline constexpr Kernel<decltype(cuda::kernel_gradient_by_tiles)> kernel_gradient_by_tiles_kernel(
    "kernel_gradient_by_tiles", nullptr, MANUL_CUDA(cuda::kernel_gradient_by_tiles));

}  // namespace manul
