#pragma once

#include "manul/framework/cuda/divider.h"
#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/geometry/border.h"

// Pictures moved into larger or smaller ones; for .cu files.
namespace manul::cuda {

/// to[n, y, x, c] = from[n, y - shift, x - shift, c], 0 outside of it. Channels one by one or 16 bytes of
/// them.
template <class Value, class Index>
struct Shift {
  const Value* from;
  ElementPlaces<Index> places;
  std::array<int64_t, 2> input, shift;
  int64_t channels;  // in Values
  Value* to;
  __device__ void operator()(int64_t i) const {
    ElementPlace<Index> at = places(i);
    int64_t row = int64_t{at.row} - shift[0], column = int64_t{at.column} - shift[1];
    bool inside = row >= 0 && row < input[0] && column >= 0 && column < input[1];
    to[i] = inside ? from[((at.n * input[0] + row) * input[1] + column) * channels + at.c] : Value{};
  }
};

/// The same of tensors [N, H, W, C] of any dtype, which may differ in H and W.
inline void shift_pictures(const Tensor& from, const std::array<int64_t, 2>& shift, const Tensor& to) {
  visit_bits(from.dtype(), [&](auto zero) {
    using Element = decltype(zero);
    auto shift_as = [&]<class Value, class Index>(Value, Index) {
      constexpr int64_t width = sizeof(Value) / sizeof(Element);
      const Shape &input = from.shape(), &output = to.shape();
      for_each(context_of(to), to.elements() / width,
               Shift<Value, Index>{reinterpret_cast<const Value*>(from.bits<Element>()),
                                   ElementPlaces<Index>(output[1], output[2], output[3] / width),
                                   {input[1], input[2]},
                                   shift,
                                   output[3] / width,
                                   reinterpret_cast<Value*>(to.mutable_bits<Element>())});
    };
    auto shift_values = [&](auto value) {
      to.elements() < int64_t{1} << 31 ? shift_as(value, uint32_t{}) : shift_as(value, int64_t{});
    };
    if (to.elements() == 0) return;
    if (to.shape()[3] % pack_width<Element> == 0 && allow_packs({from.raw_data(), to.raw_data()}))
      shift_values(uint4{});
    else
      shift_values(Element{});
  });
}

}  // namespace manul::cuda
