#pragma once

#include <algorithm>

#include "manul/framework/cuda/dnn.h"
#include "manul/ops/conv/window.h"
#include "manul/ops/geometry/shift_cuda.h"

// How cuDNN is asked for a convolution; for .cu files.
namespace manul::cuda {

/// How cuDNN is asked for a geometry. It pads both sides alike: where more is wanted behind than before, or
/// the other way round, or where a window would lie in the padding alone, the input is copied with its
/// border.
class DnnShape {
 public:
  DnnShape(const WindowGeometry& g, int64_t filters, DType dtype)
      : geometry_(g), shape_{g.batch,   g.channels, filters,      g.input,  g.output, g.size,
                             g.strides, g.dilation, g.pad_before, g.groups, dtype} {
    for (int axis = 0; axis < 2; ++axis) {
      int64_t reach = (g.size[axis] - 1) * g.dilation[axis] + 1, before = g.pad_before[axis];
      bool alike = (g.input[axis] + 2 * before - reach) / g.strides[axis] + 1 == g.output[axis];
      copies_ |= !alike || g.input[axis] + 2 * before < reach || before >= reach;
    }
    if (!copies_) return;
    for (int axis = 0; axis < 2; ++axis) {
      int64_t reach = (g.size[axis] - 1) * g.dilation[axis] + 1;
      shape_.input[axis] =
          std::max((g.output[axis] - 1) * g.strides[axis] + reach, g.pad_before[axis] + g.input[axis]);
      shape_.padding[axis] = 0;
    }
  }

  const ConvolutionShape& shape() const { return shape_; }
  bool copies() const { return copies_; }

  Tensor pad(const Tensor& x) const {
    if (!copies_) return x;
    Tensor padded = empty_padded(x.device());
    shift_pictures(x, geometry_.pad_before, padded);
    return padded;
  }
  /// Calls write(tensor) with dx itself, or with a padded one that is cut back to dx.
  template <class Write>
  bool write_cropped(const Tensor& dx, const Write& write) const {
    if (!copies_) return write(dx);
    Tensor padded = empty_padded(dx.device());
    if (!write(padded)) return false;
    shift_pictures(padded, {-geometry_.pad_before[0], -geometry_.pad_before[1]}, dx);
    return true;
  }

 private:
  Tensor empty_padded(Device device) const {
    return Tensor::empty({shape_.batch, shape_.input[0], shape_.input[1], shape_.channels}, shape_.dtype,
                         device);
  }
  WindowGeometry geometry_;
  ConvolutionShape shape_;
  bool copies_ = false;
};

}  // namespace manul::cuda
