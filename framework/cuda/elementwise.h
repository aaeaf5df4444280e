#pragma once

#include <concepts>
#include <numeric>

#include "manul/framework/cuda/launch.h"

// Passes over tensors that memory alone limits: several elements a thread, 16 bytes an access; for .cu files.
namespace manul::cuda {

/// Neighbours that are read and written at once.
template <class T, int width>
struct alignas(sizeof(T) * width) Pack {
  T values[width];
};
/// How many elements a thread takes: 16 bytes of the longest.
template <class... T>
inline constexpr int pack_width = sizeof(float4) / std::max({sizeof(T)...});

template <class T, int width>
__device__ const Pack<T, width>& pack(const T* from, int64_t i) {
  return reinterpret_cast<const Pack<T, width>*>(from)[i];
}
template <int width, class T>
__device__ Pack<T, width>& mutable_pack(T* to, int64_t i) {
  return reinterpret_cast<Pack<T, width>*>(to)[i];
}

template <class T, int width>
__device__ Pack<T, width> operator+(Pack<T, width> a, const Pack<T, width>& b) {
#pragma unroll
  for (int k = 0; k < width; ++k) a.values[k] += b.values[k];
  return a;
}
template <class T, int width>
__device__ Pack<T, width> operator-(Pack<T, width> a, const Pack<T, width>& b) {
#pragma unroll
  for (int k = 0; k < width; ++k) a.values[k] -= b.values[k];
  return a;
}

/// As they lie in memory.
template <class T, int width>
__device__ Pack<T, width> stored(const Pack<Compute<T>, width>& computed) {
  Pack<T, width> result;
#pragma unroll
  for (int k = 0; k < width; ++k) result.values[k] = static_cast<T>(computed.values[k]);
  return result;
}

/// The elements of a pack as what is computed in.
template <int width, class S>
__device__ Pack<Compute<S>, width> load_pack(const S* from) {
  Pack<S, width> stored = *reinterpret_cast<const Pack<S, width>*>(from);
  Pack<Compute<S>, width> values;
#pragma unroll
  for (int k = 0; k < width; ++k) values.values[k] = stored.values[k];
  return values;
}
template <int width, class S>
__device__ void store_pack(S* to, const Pack<Compute<S>, width>& values) {
  *reinterpret_cast<Pack<S, width>*>(to) = stored<S, width>(values);
}

inline bool allow_packs(std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers)
    if (reinterpret_cast<uintptr_t>(pointer) % sizeof(float4) != 0) return false;
  return true;
}

namespace detail {

template <class T, class Function, class... Inputs>
__global__ void elementwise_kernel(int64_t packs, int64_t count, Function function, T* to,
                                   const Inputs*... from) {
  begin_kernel();
  constexpr int width = pack_width<T, Inputs...>;
  int64_t i = int64_t{blockIdx.x} * each_threads + threadIdx.x;
  if (i < packs) {
    auto whole = [&](Pack<Inputs, width>... in) {
      Pack<T, width> out;
#pragma unroll
      for (int k = 0; k < width; ++k)
        out.values[k] = static_cast<T>(function(static_cast<Compute<Inputs>>(in.values[k])...));
      mutable_pack<width>(to, i) = out;
    };
    whole(pack<Inputs, width>(from, i)...);
    return;
  }
  i += packs * (width - 1);  // the elements behind the packs, one a thread
  if (i < count) to[i] = static_cast<T>(function(static_cast<Compute<Inputs>>(from[i])...));
}

/// A pack of each input.
template <int width, class... Inputs>
struct Packs {
  __device__ void load(int64_t) {}
  template <class Use, class... Before>
  __device__ void pass_to(const Use& use, const Before&... before) const {
    use(before...);
  }
};
template <int width, class First, class... Rest>
struct Packs<width, First, Rest...> {
  Pack<First, width> first;
  Packs<width, Rest...> rest;

  __device__ void load(int64_t i, const First* from, const Rest*... others) {
    first = pack<First, width>(from, i);
    rest.load(i, others...);
  }
  /// use(pack of each)
  template <class Use, class... Before>
  __device__ void pass_to(const Use& use, const Before&... before) const {
    rest.pass_to(use, before..., first);
  }
};

constexpr int channelwise_ahead = 2;  // packs of each input that a thread has on the way
/// Blocks that a multiprocessor has at once: many channels a thread take many registers.
template <int width>
inline constexpr int channelwise_blocks = width > 4 ? 2 : 4;

/// The blocks of a group, grid.y, go through its `packs`.
template <int width, class T, class Make, class Function, class... Inputs>
__global__ void __launch_bounds__(each_threads, channelwise_blocks<width>)
    channelwise_kernel(int64_t packs, int64_t channel_packs, Make make, Function function, T* to,
                       const Inputs*... from) {
  begin_kernel();
  int64_t i = int64_t{blockIdx.x} * each_threads + threadIdx.x, step = int64_t{gridDim.x} * each_threads;
  if (i >= packs) return;
  decltype(make(int64_t{})) channels[width];
  int64_t first = (blockIdx.y * channel_packs + i % channel_packs) * width;
#pragma unroll
  for (int k = 0; k < width; ++k) channels[k] = make(first + k);
  int64_t start = blockIdx.y * packs;
  Packs<width, Inputs...> loaded[channelwise_ahead];
  for (; i < packs; i += channelwise_ahead * step) {
#pragma unroll
    for (int ahead = 0; ahead < channelwise_ahead; ++ahead)
      if (i + ahead * step < packs) loaded[ahead].load(start + i + ahead * step, from...);
#pragma unroll
    for (int ahead = 0; ahead < channelwise_ahead; ++ahead)
      if (i + ahead * step < packs)
        loaded[ahead].pass_to([&](const Pack<Inputs, width>&... in) {
          Pack<T, width> out;
#pragma unroll
          for (int k = 0; k < width; ++k)
            out.values[k] =
                static_cast<T>(function(channels[k], static_cast<Compute<Inputs>>(in.values[k])...));
          mutable_pack<width>(to, start + i + ahead * step) = out;
        });
  }
}

template <int width, class T, class Make, class Function, class... Inputs>
void channelwise_of_width(const Context& context, int64_t groups, int64_t rows, int64_t channels,
                          const Make& make, const Function& function, T* to, const Inputs*... from) {
  int64_t packs = rows * channels / width, channel_packs = channels / width;
  if (packs == 0) return;
  // A thread goes on in steps of whole rows, so that its channels stay the same; it has so many packs that
  // what its channels share is worth the making.
  int64_t blocks_a_step = channel_packs / std::gcd(channel_packs, int64_t{each_threads});
  int64_t wanted = std::min<int64_t>(
      blocks_for(packs, channelwise_ahead * each_threads),
      std::max<int64_t>(2 * channelwise_blocks<width> * context.multiprocessors() / groups, 1));
  int64_t blocks = std::max<int64_t>(wanted / blocks_a_step, 1) * blocks_a_step;
  launch(context, channelwise_kernel<width, T, Make, Function, Inputs...>,
         dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(groups)), each_threads, packs,
         channel_packs, make, function, to, from...);
}

}  // namespace detail

/// to[i] = function(from[i]...) for i of [0, count); `to` may be one of `from`. `Function` is a struct with a
/// device operator() of numbers, which bf16 is converted to and from.
template <class T, class Function, class... Inputs>
void elementwise(const Context& context, int64_t count, const Function& function, T* to,
                 const Inputs*... from) {
  constexpr int width = pack_width<T, Inputs...>;
  int64_t packs = allow_packs({to, from...}) ? count / width : 0;
  int64_t threads = packs + (count - packs * width);
  launch(context, detail::elementwise_kernel<T, Function, Inputs...>,
         blocks_for(threads, detail::each_threads), detail::each_threads, packs, count, function, to,
         from...);
}

/// The same of whole tensors, all f32 or all f64: for kernels of one's own, as cpu::elementwise
/// (framework/cpu/elementwise.h).
template <class Function, std::same_as<Tensor>... From>
void elementwise(const Function& function, const Tensor& to, const From&... from) {
  for (const Tensor& one : {from...})
    check(one.elements() == to.elements(), "elementwise: one tensor is {}, another {}", one.shape(),
          to.shape());
  visit_float(to.dtype(), "elementwise", [&](auto zero) {
    using T = decltype(zero);
    elementwise(context_of(to), to.elements(), function, to.mutable_data<T>(), from.template data<T>()...);
  });
}

/// How many groups channelwise_in_groups() takes.
constexpr int64_t most_channel_groups = 65535;
/// The same for [groups, rows, channels] with make(group * channels + c).
template <class T, class Make, class Function, class... Inputs>
void channelwise_in_groups(const Context& context, int64_t groups, int64_t rows, int64_t channels,
                           const Make& make, const Function& function, T* to, const Inputs*... from) {
  static_assert((std::is_same_v<T, Inputs> && ...));
  constexpr int width = pack_width<T>;
  if (channels % width == 0 && allow_packs({to, from...}))
    detail::channelwise_of_width<width>(context, groups, rows, channels, make, function, to, from...);
  else
    detail::channelwise_of_width<1>(context, groups, rows, channels, make, function, to, from...);
}

/// to[i] = function(make(c), from[i]...) for the elements i of [rows, channels], c the channel of i; `to` may
/// be one of `from`. make(c), which a thread calls once for each of its channels, gives what a channel's
/// elements share.
template <class T, class Make, class Function, class... Inputs>
void channelwise(const Context& context, int64_t rows, int64_t channels, const Make& make,
                 const Function& function, T* to, const Inputs*... from) {
  channelwise_in_groups(context, 1, rows, channels, make, function, to, from...);
}

}  // namespace manul::cuda
