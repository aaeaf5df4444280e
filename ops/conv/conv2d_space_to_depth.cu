#include "manul/ops/conv/conv2d_space_to_depth.h"

#include "manul/framework/cuda/divider.h"
#include "manul/framework/cuda/elementwise.h"

namespace manul::cuda {
namespace {

/// Cuts pictures, or kernels: to[n, y, x, (dy * stride + dx) * channels + c] = from[n, y * stride + dy -
/// before, ...], 0 outside of it and for the channels that fill up the last pack. A thread has one pack.
template <class Element>
struct Cut {
  static constexpr int width = pack_width<Element>;
  const Element* from;
  ElementPlaces<uint32_t> places;  // of the packs of `to`
  Divider<uint32_t> by_channels, by_stride;
  int64_t channels, stride;
  std::array<int64_t, 2> input, before;
  Element* to;

  __device__ Element value(const ElementPlace<uint32_t>& at, uint32_t channel) const {
    Division<uint32_t> pixel = by_channels(channel), step = by_stride(pixel.quotient);
    int64_t row = at.row * stride + step.quotient - before[0],
            column = at.column * stride + step.remainder - before[1];
    bool inside = step.quotient < stride && row >= 0 && row < input[0] && column >= 0 && column < input[1];
    return inside ? from[((at.n * input[0] + row) * input[1] + column) * channels + pixel.remainder]
                  : Element{};
  }
  __device__ void operator()(int64_t i) const {
    ElementPlace<uint32_t> at = places(i);
    Pack<Element, width> pack;
#pragma unroll
    for (int k = 0; k < width; ++k) pack.values[k] = value(at, at.c * width + k);
    mutable_pack<width>(to, i) = pack;
  }
};

/// The other way round, for a kernel's gradient: an element each.
template <class Element>
struct Join {
  const Element* from;
  ElementPlaces<uint32_t> places;  // of `to`
  Divider<uint32_t> by_stride;
  int64_t channels, stride, rows, columns, from_channels;
  Element* to;

  __device__ void operator()(int64_t i) const {
    ElementPlace<uint32_t> at = places(i);
    Division<uint32_t> row = by_stride(at.row), column = by_stride(at.column);
    int64_t pixel = (at.n * rows + row.quotient) * columns + column.quotient;
    to[i] = from[pixel * from_channels + (row.remainder * stride + column.remainder) * channels + at.c];
  }
};

void cut(const Tensor& from, int64_t stride, const std::array<int64_t, 2>& before, const Tensor& to) {
  visit_bits(from.dtype(), [&](auto zero) {
    using Element = decltype(zero);
    constexpr int width = pack_width<Element>;
    const Shape &in = from.shape(), &out = to.shape();
    for_each(context_of(to), to.elements() / width,
             Cut<Element>{from.bits<Element>(),
                          ElementPlaces<uint32_t>(out[1], out[2], out[3] / width),
                          Divider<uint32_t>(in[3]),
                          Divider<uint32_t>(stride),
                          in[3],
                          stride,
                          {in[1], in[2]},
                          before,
                          to.mutable_bits<Element>()});
  });
}

}  // namespace

std::optional<SpaceToDepth> SpaceToDepth::of(const WindowGeometry& g, const Tensor& kernel) {
  int64_t stride = g.strides[0], pack = kernel.dtype() == DType::bf16 ? 8 : 4;
  bool fits = stride > 1 && g.strides[1] == stride && g.groups == 1 &&
              g.dilation == std::array<int64_t, 2>{1, 1} && g.channels % pack != 0 && g.size[0] >= stride &&
              g.size[1] >= stride;
  if (!fits) return {};
  auto packed = [=](int64_t channels) { return (channels + pack - 1) / pack * pack; };
  SpaceToDepth result;
  result.outer_ = g;
  WindowGeometry& inner = result.inner_;
  inner = WindowGeometry{g.batch, packed(stride * stride * g.channels), {}, g.output, {}, {1, 1}, {1, 1}, {}};
  for (int axis = 0; axis < 2; ++axis) {
    inner.size[axis] = (g.size[axis] + stride - 1) / stride;
    inner.input[axis] = g.output[axis] + inner.size[axis] - 1;
  }
  result.filters_ = kernel.shape()[0], result.dtype_ = kernel.dtype(), result.device_ = kernel.device();
  // Products, those with zeros included.
  int64_t work = inner.size[0] * inner.size[1] * inner.channels;
  bool pays = work <= g.size[0] * g.size[1] * packed(g.channels) * 3 / 2;
  int64_t elements = inner.batch * inner.input[0] * inner.input[1] * inner.channels;
  bool in_32_bits = elements < int64_t{1} << 31 && result.filters_ * work < int64_t{1} << 31;
  return pays && in_32_bits ? std::optional(result) : std::nullopt;
}

Tensor SpaceToDepth::input(const Tensor& x) const {
  Tensor y =
      Tensor::empty({inner_.batch, inner_.input[0], inner_.input[1], inner_.channels}, dtype_, device_);
  cut(x, outer_.strides[0], outer_.pad_before, y);
  return y;
}

Tensor SpaceToDepth::empty_kernel() const {
  return Tensor::empty({filters_, inner_.size[0], inner_.size[1], inner_.channels}, dtype_, device_);
}

Tensor SpaceToDepth::kernel(const Tensor& kernel) const {
  Tensor y = empty_kernel();
  cut(kernel, outer_.strides[0], {0, 0}, y);
  return y;
}

void SpaceToDepth::kernel_gradient(const Tensor& of_inner, const Tensor& dkernel) const {
  visit_bits(dkernel.dtype(), [&](auto zero) {
    using Element = decltype(zero);
    int64_t stride = outer_.strides[0];
    for_each(context_of(dkernel), dkernel.elements(),
             Join<Element>{of_inner.bits<Element>(),
                           ElementPlaces<uint32_t>(outer_.size[0], outer_.size[1], outer_.channels),
                           Divider<uint32_t>(stride), outer_.channels, stride, inner_.size[0], inner_.size[1],
                           inner_.channels, dkernel.mutable_bits<Element>()});
  });
}

}  // namespace manul::cuda
