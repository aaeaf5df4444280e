#include <algorithm>

#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/pool/pool2d.h"

namespace manul::cuda {
namespace {

/// The part of a window that lies on the picture, along one axis.
struct Extent {
  int64_t begin, end;
};

__device__ Extent extent(const WindowGeometry& g, int axis, int64_t output) {
  int64_t begin = output * g.strides[axis] - g.pad_before[axis];
  return {max(begin, int64_t{0}), min(begin + g.size[axis], g.input[axis])};
}

/// The windows that an input pixel lies in, along one axis.
__device__ Extent windows_over(const WindowGeometry& g, int axis, int64_t input) {
  if (g.output[axis] == 1) return {0, input + g.pad_before[axis] < g.size[axis]};  // no division
  int64_t at = input + g.pad_before[axis], before = at - g.size[axis] + 1;
  int64_t first = before <= 0 ? 0 : (before + g.strides[axis] - 1) / g.strides[axis];
  return {first, min(at / g.strides[axis] + 1, g.output[axis])};
}

struct Place {
  int64_t n, y, x, c;
};

template <class Index>
__device__ Place place_of(Index i, Index height, Index width, Index channels) {
  Index c = i % channels, pixel = i / channels, row = pixel / width;
  return {row / height, row % height, pixel % width, c};
}

/// `width` neighbouring channels of an output pixel, with the place in its window of each largest value.
template <int width, class Index, class T, class Code>
struct MaxForward {
  const T* x;
  WindowGeometry g;
  T* y;
  Code* winners;  // or null
  __device__ void operator()(int64_t i) const {
    auto packs = static_cast<Index>(g.channels / width);
    Place at = place_of(static_cast<Index>(i), static_cast<Index>(g.output[0]),
                        static_cast<Index>(g.output[1]), packs);
    Extent rows = extent(g, 0, at.y), columns = extent(g, 1, at.x);
    int64_t top = at.y * g.strides[0] - g.pad_before[0], left = at.x * g.strides[1] - g.pad_before[1];
    int64_t picture = at.n * g.input[0] * g.input[1];
    Pack<T, width> best{};
    Pack<Code, width> winner{};
    for (int64_t iy = rows.begin; iy < rows.end; ++iy)
      for (int64_t ix = columns.begin; ix < columns.end; ++ix) {
        Pack<T, width> value = pack<T, width>(x, (picture + iy * g.input[1] + ix) * packs + at.c);
        auto place = static_cast<Code>((iy - top) * g.size[1] + ix - left);
        bool first = iy == rows.begin && ix == columns.begin;
#pragma unroll
        for (int k = 0; k < width; ++k) {
          T was = best.values[k];
          if (!first && (value.values[k] <= was || was != was)) continue;  // a NaN wins and stays
          best.values[k] = value.values[k];
          winner.values[k] = place;
        }
      }
    mutable_pack<width>(y, i) = best;
    if (winners) mutable_pack<width>(winners, i) = winner;
  }
};

/// Input elements gather from the windows in which they have won.
template <int width, class Index, class T, class Code>
struct MaxBackward {
  const T* dy;
  const Code* winners;
  WindowGeometry g;
  T* dx;
  __device__ void operator()(int64_t i) const {
    auto packs = static_cast<Index>(g.channels / width);
    Place at = place_of(static_cast<Index>(i), static_cast<Index>(g.input[0]), static_cast<Index>(g.input[1]),
                        packs);
    Extent rows = windows_over(g, 0, at.y), columns = windows_over(g, 1, at.x);
    Pack<Compute<T>, width> sum{};
    for (int64_t oy = rows.begin; oy < rows.end; ++oy)
      for (int64_t ox = columns.begin; ox < columns.end; ++ox) {
        int64_t o = ((at.n * g.output[0] + oy) * g.output[1] + ox) * packs + at.c;
        auto own = static_cast<Code>((at.y + g.pad_before[0] - oy * g.strides[0]) * g.size[1] + at.x +
                                     g.pad_before[1] - ox * g.strides[1]);
        Pack<Code, width> winner = pack<Code, width>(winners, o);
        Pack<T, width> arrived = pack<T, width>(dy, o);
#pragma unroll
        for (int k = 0; k < width; ++k)
          if (winner.values[k] == own) sum.values[k] += arrived.values[k];
      }
    mutable_pack<width>(dx, i) = stored<T>(sum);
  }
};

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
bool is_packed_bf16(int64_t elements, int64_t channels, const Tensor& winners,
                    std::initializer_list<const void*> pointers) {
  return channels % pack_width<bfloat16> == 0 && allow_packs(pointers) && elements < (int64_t{1} << 31) &&
         (!winners.defined() || winners.dtype() == DType::u8);
}

/// Calls use(code) with a zero of the type of the winners.
template <class Use>
void with_code(const Tensor& winners, const Use& use) {
  if (winners.defined() && winners.dtype() == DType::i32)
    use(int32_t{});
  else
    use(uint8_t{});
}

template <int width, class Index, class T>
struct AverageForward {
  const T* x;
  WindowGeometry g;
  T* y;
  __device__ void operator()(int64_t i) const {
    auto packs = static_cast<Index>(g.channels / width);
    Place at = place_of(static_cast<Index>(i), static_cast<Index>(g.output[0]),
                        static_cast<Index>(g.output[1]), packs);
    Extent rows = extent(g, 0, at.y), columns = extent(g, 1, at.x);
    int64_t picture = at.n * g.input[0] * g.input[1];
    Pack<Compute<T>, width> sum{};
    for (int64_t iy = rows.begin; iy < rows.end; ++iy)
      for (int64_t ix = columns.begin; ix < columns.end; ++ix) {
        Pack<T, width> value = pack<T, width>(x, (picture + iy * g.input[1] + ix) * packs + at.c);
#pragma unroll
        for (int k = 0; k < width; ++k) sum.values[k] += value.values[k];
      }
    auto count = static_cast<Compute<T>>((rows.end - rows.begin) * (columns.end - columns.begin));
#pragma unroll
    for (int k = 0; k < width; ++k) sum.values[k] /= count;
    mutable_pack<width>(y, i) = stored<T>(sum);
  }
};

template <int width, class Index, class T>
struct AverageBackward {
  const T* dy;
  WindowGeometry g;
  T* dx;
  __device__ void operator()(int64_t i) const {
    auto packs = static_cast<Index>(g.channels / width);
    Place at = place_of(static_cast<Index>(i), static_cast<Index>(g.input[0]), static_cast<Index>(g.input[1]),
                        packs);
    Extent rows = windows_over(g, 0, at.y), columns = windows_over(g, 1, at.x);
    Pack<Compute<T>, width> sum{};
    for (int64_t oy = rows.begin; oy < rows.end; ++oy)
      for (int64_t ox = columns.begin; ox < columns.end; ++ox) {
        Extent h = extent(g, 0, oy), w = extent(g, 1, ox);
        auto count = static_cast<Compute<T>>((h.end - h.begin) * (w.end - w.begin));
        Pack<T, width> arrived =
            pack<T, width>(dy, ((at.n * g.output[0] + oy) * g.output[1] + ox) * packs + at.c);
#pragma unroll
        for (int k = 0; k < width; ++k) sum.values[k] += arrived.values[k] / count;
      }
    mutable_pack<width>(dx, i) = stored<T>(sum);
  }
};

template <class T>
struct GlobalMaxForward {
  const T* x;
  int64_t pixels, channels;
  T* y;
  __device__ void operator()(int64_t i) const {
    const T* from = x + i / channels * pixels * channels + i % channels;
    T best = from[0];
    for (int64_t pixel = 1; pixel < pixels; ++pixel) {
      T value = from[pixel * channels];
      best = value <= best || best != best ? best : value;
    }
    y[i] = best;
  }
};

/// A channel of a picture: equal largest values share the gradient.
template <class T>
struct GlobalMaxBackward {
  const T *x, *y, *dy;
  int64_t pixels, channels;
  T* dx;
  __device__ void operator()(int64_t i) const {
    int64_t first = i / channels * pixels * channels + i % channels;
    T best = y[i], count = 0;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      count += x[first + pixel * channels] == best ? T(1) : T(0);
    T share = dy[i] / count;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      dx[first + pixel * channels] = x[first + pixel * channels] == best ? share : T(0);
  }
};

}  // namespace

void max_pool2d_forward(const Tensor& x, const WindowGeometry& geometry, const Tensor& y,
                        const Tensor& winners) {
  if (x.dtype() == DType::bf16) {
    constexpr int width = pack_width<bfloat16>;
    if (!is_packed_bf16(x.elements(), geometry.channels, winners, {x.raw(), y.raw()}))
      return call_in_f32(max_pool2d_forward, x, geometry, y, winners);
    return for_each(context_of(x), y.elements() / width,
                    MaxForward<width, uint32_t, bfloat16, uint8_t>{x.data<bfloat16>(), geometry,
                                                                   y.mutable_data<bfloat16>(),
                                                                   mutable_data_or_null<uint8_t>(winners)});
  }
  visit_float(x.dtype(), "max_pool2d", [&](auto zero) {
    using T = decltype(zero);
    with_code(winners, [&](auto code) {
      using Code = decltype(code);
      with_widths<T>(x.elements(), geometry.channels, {x.raw(), y.raw()}, [&](auto width, auto index) {
        for_each(context_of(x), y.elements() / width,
                 MaxForward<width, decltype(index), T, Code>{x.data<T>(), geometry, y.mutable_data<T>(),
                                                             mutable_data_or_null<Code>(winners)});
      });
    });
  });
}

void max_pool2d_backward(const Tensor& x, const Tensor& y, const Tensor& winners, const Tensor& dy,
                         const WindowGeometry& geometry, const Tensor& dx) {
  if (dy.dtype() == DType::bf16) {
    constexpr int width = pack_width<bfloat16>;
    if (!is_packed_bf16(dx.elements(), geometry.channels, winners, {dy.raw(), dx.raw()}))
      return call_in_f32(max_pool2d_backward, x, y, winners, dy, geometry, dx);
    return for_each(context_of(dy), dx.elements() / width,
                    MaxBackward<width, uint32_t, bfloat16, uint8_t>{
                        dy.data<bfloat16>(), winners.data<uint8_t>(), geometry, dx.mutable_data<bfloat16>()});
  }
  visit_float(dy.dtype(), "max_pool2d", [&](auto zero) {
    using T = decltype(zero);
    with_code(winners, [&](auto code) {
      using Code = decltype(code);
      with_widths<T>(dx.elements(), geometry.channels, {dy.raw(), dx.raw()}, [&](auto width, auto index) {
        for_each(context_of(dy), dx.elements() / width,
                 MaxBackward<width, decltype(index), T, Code>{dy.data<T>(), winners.data<Code>(), geometry,
                                                              dx.mutable_data<T>()});
      });
    });
  });
}

void average_pool2d_forward(const Tensor& x, const WindowGeometry& geometry, const Tensor& y) {
  bool is_long = geometry.size[0] * geometry.size[1] > 64;  // then there are few threads
  if (x.dtype() == DType::bf16) {
    constexpr int width = pack_width<bfloat16>;
    if (is_long || !is_packed_bf16(x.elements(), geometry.channels, {}, {x.raw(), y.raw()}))
      return call_in_f32(average_pool2d_forward, x, geometry, y);
    return for_each(
        context_of(x), y.elements() / width,
        AverageForward<width, uint32_t, bfloat16>{x.data<bfloat16>(), geometry, y.mutable_data<bfloat16>()});
  }
  visit_float(x.dtype(), "average_pool2d", [&](auto zero) {
    using T = decltype(zero);
    int64_t channels = is_long ? 1 : geometry.channels;
    with_widths<T>(x.elements(), channels, {x.raw(), y.raw()}, [&](auto width, auto index) {
      for_each(context_of(x), y.elements() / width,
               AverageForward<width, decltype(index), T>{x.data<T>(), geometry, y.mutable_data<T>()});
    });
  });
}

void average_pool2d_backward(const Tensor& dy, const WindowGeometry& geometry, const Tensor& dx) {
  if (dy.dtype() == DType::bf16) {
    constexpr int width = pack_width<bfloat16>;
    if (!is_packed_bf16(dx.elements(), geometry.channels, {}, {dy.raw(), dx.raw()}))
      return call_in_f32(average_pool2d_backward, dy, geometry, dx);
    return for_each(context_of(dy), dx.elements() / width,
                    AverageBackward<width, uint32_t, bfloat16>{dy.data<bfloat16>(), geometry,
                                                               dx.mutable_data<bfloat16>()});
  }
  visit_float(dy.dtype(), "average_pool2d", [&](auto zero) {
    using T = decltype(zero);
    with_widths<T>(dx.elements(), geometry.channels, {dy.raw(), dx.raw()}, [&](auto width, auto index) {
      for_each(context_of(dy), dx.elements() / width,
               AverageBackward<width, decltype(index), T>{dy.data<T>(), geometry, dx.mutable_data<T>()});
    });
  });
}

void global_max_pool_forward(const Tensor& x, const Tensor& y) {
  if (y.elements() == 0) return;
  visit_float(x.dtype(), "global_max_pool", [&](auto zero) {
    using T = decltype(zero);
    for_each(
        context_of(x), y.elements(),
        GlobalMaxForward<T>{x.data<T>(), x.elements() / y.elements(), y.shape()[1], y.mutable_data<T>()});
  });
}

void global_max_pool_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  if (y.elements() == 0) return;
  visit_float(x.dtype(), "global_max_pool", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), y.elements(),
             GlobalMaxBackward<T>{x.data<T>(), y.data<T>(), dy.data<T>(), x.elements() / y.elements(),
                                  y.shape()[1], dx.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
