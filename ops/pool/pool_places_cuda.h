#pragma once

#include "manul/framework/cuda/divider.h"
#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/pool/pool2d.h"

// What the kernels of pooling share: who takes which elements; for .cu files.
namespace manul::cuda {

/// Of the outputs and of the inputs, in packs of `width` channels.
template <class Index>
ElementPlaces<Index> output_places(const WindowGeometry& g, int64_t width) {
  return {g.output[0], g.output[1], g.channels / width};
}
template <class Index>
ElementPlaces<Index> input_places(const WindowGeometry& g, int64_t width) {
  return {g.input[0], g.input[1], g.channels / width};
}

/// Calls use(width, index) with the channels that a thread takes at once, as an integral constant, and an
/// index that is wide enough for `elements`.
template <class T, class Use>
void with_widths(int64_t elements, int64_t channels, std::initializer_list<const void*> pointers,
                 const Use& use) {
  bool packs = channels % pack_width<T> == 0 && allow_packs(pointers);
  bool small = elements < (int64_t{1} << 31);
  auto with_width = [&](auto width) { small ? use(width, uint32_t{}) : use(width, int64_t{}); };
  if (packs)
    with_width(std::integral_constant<int, pack_width<T>>{});
  else
    with_width(std::integral_constant<int, 1>{});
}

/// Whether the tensors are bf16 in packs, with indices and winners as short as can be: of those alone there
/// are kernels. Others are converted.
inline bool is_packed_bf16(int64_t elements, int64_t channels, const Tensor& winners,
                           std::initializer_list<const void*> pointers) {
  return channels % pack_width<bfloat16> == 0 && allow_packs(pointers) && elements < (int64_t{1} << 31) &&
         (!winners.defined() || winners.dtype() == DType::u8);
}

}  // namespace manul::cuda
