#pragma once

#include <algorithm>

#include "manul/framework/cuda/dnn.h"
#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/conv/window.h"

// How cuDNN is asked for a convolution; for .cu files.
namespace manul::cuda {

/// Copies a picture into a larger one with a border of zeros, or the inside of the larger one back: channels
/// one by one or in fours, with indices of 32 bits where they suffice, in which the GPU divides quickly.
template <class Value, class Index>
struct CopyPadded {
  using Size = std::array<Index, 2>;
  const Value* from;
  Size small, large, before;
  Index channels;  // in Values
  Value* to;
  bool crop;
  __device__ void operator()(int64_t i) const {
    const Size& size = crop ? small : large;
    Index c = static_cast<Index>(i) % channels, pixel = static_cast<Index>(i) / channels;
    Index x = pixel % size[1], line = pixel / size[1], y = line % size[0], n = line / size[0];
    if (crop) {
      to[i] = from[((n * large[0] + y + before[0]) * large[1] + x + before[1]) * channels + c];
      return;
    }
    Index iy = y - before[0], ix = x - before[1];
    bool inside = iy >= 0 && iy < small[0] && ix >= 0 && ix < small[1];
    to[i] = inside ? from[((n * small[0] + iy) * small[1] + ix) * channels + c] : Value{};
  }
};

/// `Element`: an unsigned integer of the elements' size.
template <class Value, class Element, class Index>
void copy_padded(const Tensor& from, const Tensor& to, const WindowGeometry& g,
                 const std::array<int64_t, 2>& large, bool crop) {
  auto lengths = [](const std::array<int64_t, 2>& of) {
    return std::array<Index, 2>{static_cast<Index>(of[0]), static_cast<Index>(of[1])};
  };
  constexpr int64_t width = sizeof(Value) / sizeof(Element);
  for_each(
      context_of(to), to.elements() / width,
      CopyPadded<Value, Index>{reinterpret_cast<const Value*>(from.bits<Element>()), lengths(g.input),
                               lengths(large), lengths(g.pad_before), static_cast<Index>(g.channels / width),
                               reinterpret_cast<Value*>(to.mutable_bits<Element>()), crop});
}

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
    copy(x, padded, false);
    return padded;
  }
  /// Calls write(tensor) with dx itself, or with a padded one that is cut back to dx.
  template <class Write>
  bool write_cropped(const Tensor& dx, const Write& write) const {
    if (!copies_) return write(dx);
    Tensor padded = empty_padded(dx.device());
    if (!write(padded)) return false;
    copy(padded, dx, true);
    return true;
  }

 private:
  Tensor empty_padded(Device device) const {
    return Tensor::empty({shape_.batch, shape_.input[0], shape_.input[1], shape_.channels}, shape_.dtype,
                         device);
  }
  void copy(const Tensor& from, const Tensor& to, bool crop) const {
    if (shape_.dtype == DType::bf16)
      copy_as<uint16_t>(from, to, crop);
    else
      copy_as<uint32_t>(from, to, crop);
  }
  template <class Element>
  void copy_as(const Tensor& from, const Tensor& to, bool crop) const {
    if (geometry_.channels % pack_width<Element> == 0 && allow_packs({from.raw_data(), to.raw_data()}))
      copy_values<uint4, Element>(from, to, crop);
    else
      copy_values<Element, Element>(from, to, crop);
  }
  template <class Value, class Element>
  void copy_values(const Tensor& from, const Tensor& to, bool crop) const {
    if (std::max(from.elements(), to.elements()) < int64_t{1} << 31)
      copy_padded<Value, Element, int32_t>(from, to, geometry_, shape_.input, crop);
    else
      copy_padded<Value, Element, int64_t>(from, to, geometry_, shape_.input, crop);
  }

  WindowGeometry geometry_;
  ConvolutionShape shape_;
  bool copies_ = false;
};

}  // namespace manul::cuda
