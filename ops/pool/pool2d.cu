#include "manul/framework/cuda/packed_column_sums.h"
#include "manul/ops/pool/pool_places_cuda.h"

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
  // In 32 bits, which a GPU divides several times as fast.
  auto divided = [stride = static_cast<uint32_t>(g.strides[axis])](int64_t by) {
    return int64_t{static_cast<uint32_t>(by) / stride};
  };
  int64_t first = before <= 0 ? 0 : divided(before + g.strides[axis] - 1);
  return {first, min(divided(at) + 1, g.output[axis])};
}

template <int width, class Index, class T>
struct AverageForward {
  const T* x;
  WindowGeometry g;
  ElementPlaces<Index> places;
  T* y;
  __device__ void operator()(int64_t i) const {
    int64_t packs = g.channels / width;
    ElementPlace<Index> at = places(i);
    Extent rows = extent(g, 0, at.row), columns = extent(g, 1, at.column);
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
  ElementPlaces<Index> places;
  T* dx;
  __device__ void operator()(int64_t i) const {
    int64_t packs = g.channels / width;
    ElementPlace<Index> at = places(i);
    Extent rows = windows_over(g, 0, at.row), columns = windows_over(g, 1, at.column);
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

/// Whether there is one window, that of the whole picture.
bool is_global(const WindowGeometry& g) {
  return g.output == std::array<int64_t, 2>{1, 1} && g.pad_before == std::array<int64_t, 2>{0, 0} &&
         g.size[0] >= g.input[0] && g.size[1] >= g.input[1];
}

/// What the pixels of a channel of a picture get of its mean's gradient.
template <class T>
struct ShareOfPixel {
  const T* dy;
  Compute<T> pixels;
  __device__ Compute<T> operator()(int64_t i) const { return static_cast<Compute<T>>(dy[i]) / pixels; }
};
struct AsItIsShared {
  template <class T>
  __device__ T operator()(T share) const {
    return share;
  }
};

template <class T>
void global_average_forward(const Tensor& x, const WindowGeometry& g, const Tensor& y) {
  int64_t pixels = g.input[0] * g.input[1];
  packed_column_sums<double>(x, g.batch, pixels, g.channels, MatrixTerms<T>{x.data<T>(), pixels, g.channels},
                             {x.raw()}, StoreSum<T>{y.mutable_data<T>(), 1 / static_cast<double>(pixels)});
}
template <class T>
void global_average_backward(const Tensor& dy, const WindowGeometry& g, const Tensor& dx) {
  int64_t pixels = g.input[0] * g.input[1];
  channelwise_in_groups(context_of(dx), g.batch, pixels, g.channels,
                        ShareOfPixel<T>{dy.data<T>(), static_cast<Compute<T>>(pixels)}, AsItIsShared{},
                        dx.mutable_data<T>());
}

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

void average_pool2d_forward(const Tensor& x, const WindowGeometry& geometry, const Tensor& y) {
  if (is_global(geometry))
    return visit_compute(x.dtype(), "average_pool2d", [&](auto types) {
      global_average_forward<typename decltype(types)::Storage>(x, geometry, y);
    });
  bool is_long = geometry.size[0] * geometry.size[1] > 64;  // then there are few threads
  if (x.dtype() == DType::bf16) {
    constexpr int width = pack_width<bfloat16>;
    if (is_long || !is_packed_bf16(x.elements(), geometry.channels, {}, {x.raw(), y.raw()}))
      return call_in_f32(average_pool2d_forward, x, geometry, y);
    return for_each(context_of(x), y.elements() / width,
                    AverageForward<width, uint32_t, bfloat16>{x.data<bfloat16>(), geometry,
                                                              output_places<uint32_t>(geometry, width),
                                                              y.mutable_data<bfloat16>()});
  }
  visit_float(x.dtype(), "average_pool2d", [&](auto zero) {
    using T = decltype(zero);
    int64_t channels = is_long ? 1 : geometry.channels;
    with_widths<T>(x.elements(), channels, {x.raw(), y.raw()}, [&](auto width, auto index) {
      for_each(
          context_of(x), y.elements() / width,
          AverageForward<width, decltype(index), T>{
              x.data<T>(), geometry, output_places<decltype(index)>(geometry, width), y.mutable_data<T>()});
    });
  });
}

void average_pool2d_backward(const Tensor& dy, const WindowGeometry& geometry, const Tensor& dx) {
  if (is_global(geometry) && geometry.batch <= most_channel_groups)
    return visit_compute(dy.dtype(), "average_pool2d", [&](auto types) {
      global_average_backward<typename decltype(types)::Storage>(dy, geometry, dx);
    });
  if (dy.dtype() == DType::bf16) {
    constexpr int width = pack_width<bfloat16>;
    if (!is_packed_bf16(dx.elements(), geometry.channels, {}, {dy.raw(), dx.raw()}))
      return call_in_f32(average_pool2d_backward, dy, geometry, dx);
    return for_each(context_of(dy), dx.elements() / width,
                    AverageBackward<width, uint32_t, bfloat16>{dy.data<bfloat16>(), geometry,
                                                               input_places<uint32_t>(geometry, width),
                                                               dx.mutable_data<bfloat16>()});
  }
  visit_float(dy.dtype(), "average_pool2d", [&](auto zero) {
    using T = decltype(zero);
    with_widths<T>(dx.elements(), geometry.channels, {dy.raw(), dx.raw()}, [&](auto width, auto index) {
      for_each(
          context_of(dy), dx.elements() / width,
          AverageBackward<width, decltype(index), T>{
              dy.data<T>(), geometry, input_places<decltype(index)>(geometry, width), dx.mutable_data<T>()});
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
