#pragma once

#include <optional>

#include "manul/framework/tensor.h"
#include "manul/ops/conv/window.h"

namespace manul::cuda {

/// A convolution with strides over a few channels, like the first one of most networks, as one without
/// strides over more: s x s pixels of the input become the channels of one, and the kernel is cut alike.
/// Tensor cores take channels in packs of 16 bytes; three would be filled up to eight with zeros.
class SpaceToDepth {
 public:
  /// Nothing where that would not pay: for bf16, and f32 with TF32 products.
  static std::optional<SpaceToDepth> of(const WindowGeometry& geometry, const Tensor& kernel);

  /// The convolution that it becomes, without padding.
  const WindowGeometry& geometry() const { return inner_; }
  /// x [N, H, W, C] and kernel [F, KH, KW, C] as it wants them.
  Tensor input(const Tensor& x) const;
  Tensor kernel(const Tensor& kernel) const;
  /// An empty tensor for its kernel's gradient, and that as the gradient of the kernel.
  Tensor empty_kernel() const;
  void kernel_gradient(const Tensor& of_inner, const Tensor& dkernel) const;

 private:
  WindowGeometry outer_, inner_;
  int64_t filters_ = 0;
  DType dtype_ = DType::f32;
  Device device_;
};

}  // namespace manul::cuda
