#pragma once

#include <span>

#include "manul/framework/kernel.h"
#include "manul/ops/conv/conv2d_concatenated.h"
#include "manul/ops/conv/window.h"
#include "manul/ops/fused/conv2d_activation.h"

// Convolutions of 3x3 in f32 by Winograd's transforms (winograd.h) and 16 products of matrices.
namespace manul {

/// y = x * kernel + bias, which may be undefined; dx = (`add` ? dx : 0) + dy * kernel; and the kernel's
/// gradient, summed over the outputs in an order that depends on the shapes and `most_elements` alone. Only
/// of what winograd::tiles_of() says is served, with channels and filters by fours on a GPU, by whole vectors
/// on the CPU. At most `most_elements` of f32 are wanted besides (on the CPU by each thread), or what a line
/// of tiles takes. False, and nothing is done, if there is no algorithm for the products.
MANUL_KERNEL(forward_by_winograd,
             bool(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& geometry,
                  int64_t most_elements, const Tensor& y));
MANUL_KERNEL(input_gradient_by_winograd,
             bool(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry, bool add,
                  int64_t most_elements, const Tensor& dx));
MANUL_KERNEL(kernel_gradient_by_winograd,
             bool(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry, int64_t most_elements,
                  const Tensor& dkernel));

namespace cpu {
/// Whether the gradient of a kernel is served and faster so, for tensors of `dtype`; and whether a
/// convolution and its input's gradient are, which transform the kernel.
bool kernel_gradient_is_for_winograd(const WindowGeometry& geometry, int64_t filters, DType dtype);
bool is_for_winograd(const WindowGeometry& geometry, int64_t filters, DType dtype);
/// The same of an input whose channels lie in these tensors, one's after the other's: whether all begin with
/// whole vectors.
bool parts_are_for_winograd(std::span<const Tensor> x, const WindowGeometry& geometry, int64_t filters);
/// forward_by_winograd() of such an input, with `finish`, which may be null, of each part of y while it is in
/// the cache; the gradient of its parts, and that of the kernel.
void finished_by_winograd(std::span<const Tensor> x, const Tensor& kernel, const Tensor& bias,
                          const WindowGeometry& geometry, int64_t most_elements, const FinishRange& finish,
                          const Tensor& y);
void input_gradients_by_winograd(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                                 int64_t most_elements, std::span<const ChannelGradient> dx);
void kernel_gradient_by_winograd(std::span<const Tensor> x, const Tensor& dy, const WindowGeometry& geometry,
                                 int64_t most_elements, const Tensor& dkernel);
}  // namespace cpu
namespace cuda {
/// The same of f32.
bool is_for_winograd(const WindowGeometry& geometry, int64_t filters);
}  // namespace cuda

}  // namespace manul
