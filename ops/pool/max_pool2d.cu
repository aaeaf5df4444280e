#include <algorithm>

#include "manul/framework/elementary.h"
#include "manul/ops/pool/pool_places_cuda.h"

namespace manul::cuda {
namespace {

/// A geometry with the zeros around the input that the windows see, in 32 bits: lengths are below 2^30.
struct MaxWindows {
  std::array<int, 2> input, output, size, strides, before, zeros_before, zeros_behind;

  explicit MaxWindows(const WindowGeometry& g) {
    for (int axis = 0; axis < 2; ++axis) {
      const Border& zeros = axis == 0 ? g.borders.rows : g.borders.columns;
      input[axis] = static_cast<int>(g.input[axis]), output[axis] = static_cast<int>(g.output[axis]);
      size[axis] = static_cast<int>(g.size[axis]), strides[axis] = static_cast<int>(g.strides[axis]);
      before[axis] = static_cast<int>(g.pad_before[axis]);
      zeros_before[axis] = static_cast<int>(zeros.before),
      zeros_behind[axis] = static_cast<int>(zeros.behind);
    }
  }
  __device__ bool sees(int axis, int at) const {
    return at >= -zeros_before[axis] && at < input[axis] + zeros_behind[axis];
  }
  /// What a window that begins at `begin` sees.
  __device__ int first_seen(int axis, int begin) const { return max(begin, -zeros_before[axis]); }
  __device__ int end_seen(int axis, int begin) const {
    return min(begin + size[axis], input[axis] + zeros_behind[axis]);
  }
  __device__ bool has(int axis, int at) const { return at >= 0 && at < input[axis]; }
};

/// `width` neighbouring channels of an output pixel, with the place in its window of each largest value.
/// `window`: the length of both sides if that is known, so that all values are on the way at once; else 0.
template <int width, int window, class Index, class T, class Code>
struct MaxForward {
  const T* x;
  MaxWindows windows;
  ElementPlaces<Index> places;
  int64_t packs;
  T* y;
  Code* winners;  // or null

  struct Best {
    Pack<T, width> value{};
    Pack<Code, width> winner{};
    bool found = false;

    __device__ void meet(const Pack<T, width>& other, int place) {
#pragma unroll
      for (int k = 0; k < width; ++k) {
        T was = value.values[k];
        if (found && (other.values[k] <= was || was != was)) continue;  // a NaN wins and stays
        value.values[k] = other.values[k];
        winner.values[k] = static_cast<Code>(place);
      }
      found = true;
    }
  };

  __device__ Pack<T, width> value_at(const ElementPlace<Index>& at, int row, int column) const {
    if (!windows.has(0, row) || !windows.has(1, column)) return {};
    return pack<T, width>(
        x, ((int64_t{at.n} * windows.input[0] + row) * windows.input[1] + column) * packs + at.c);
  }
  __device__ void operator()(int64_t i) const {
    ElementPlace<Index> at = places(i);
    int top = static_cast<int>(at.row) * windows.strides[0] - windows.before[0];
    int left = static_cast<int>(at.column) * windows.strides[1] - windows.before[1];
    Best best;
    if constexpr (window > 0) {
      Pack<T, width> values[window * window];
#pragma unroll
      for (int k = 0; k < window * window; ++k) values[k] = value_at(at, top + k / window, left + k % window);
#pragma unroll
      for (int k = 0; k < window * window; ++k)
        if (windows.sees(0, top + k / window) && windows.sees(1, left + k % window)) best.meet(values[k], k);
    } else {
      for (int row = windows.first_seen(0, top); row < windows.end_seen(0, top); ++row)
        for (int column = windows.first_seen(1, left); column < windows.end_seen(1, left); ++column)
          best.meet(value_at(at, row, column), (row - top) * windows.size[1] + column - left);
    }
    mutable_pack<width>(y, i) = best.value;
    if (winners) mutable_pack<width>(winners, i) = best.winner;
  }
};

/// Input elements gather from the windows in which they have won. At most `reach` windows lie over a pixel
/// along an axis, or any number for 0.
template <int width, int reach, class Index, class T, class Code>
struct MaxBackward {
  const T* dy;
  const Code* winners;
  MaxWindows windows;
  ElementPlaces<Index> places;
  Divider<uint32_t> strides[2];
  int64_t packs;
  bool add;
  T* dx;

  __device__ void operator()(int64_t i) const {
    ElementPlace<Index> at = places(i);
    int y = static_cast<int>(at.row) + windows.before[0], x = static_cast<int>(at.column) + windows.before[1];
    int last_row = strides[0](y).quotient, last_column = strides[1](x).quotient;
    Pack<Compute<T>, width> sum{}, before{};
    if (add) before = load_pack<width>(dx + i * width);
    auto gather = [&](int row, int column) {
      int ky = y - row * windows.strides[0], kx = x - column * windows.strides[1];
      bool lies_over = row >= 0 && column >= 0 && row < windows.output[0] && column < windows.output[1] &&
                       ky < windows.size[0] && kx < windows.size[1];
      if (!lies_over) return;
      int64_t o = ((int64_t{at.n} * windows.output[0] + row) * windows.output[1] + column) * packs + at.c;
      Pack<Code, width> winner = pack<Code, width>(winners, o);
      Pack<T, width> arrived = pack<T, width>(dy, o);
      auto own = static_cast<Code>(ky * windows.size[1] + kx);
#pragma unroll
      for (int k = 0; k < width; ++k)
        if (winner.values[k] == own) sum.values[k] += static_cast<Compute<T>>(arrived.values[k]);
    };
    if constexpr (reach > 0) {
#pragma unroll
      for (int k = 0; k < reach * reach; ++k)
        gather(last_row + 1 - reach + k / reach, last_column + 1 - reach + k % reach);
    } else {
      auto first = [&](int axis, int last) {
        return max(last - (windows.size[axis] - 1) / windows.strides[axis], 0);
      };
      for (int row = first(0, last_row); row <= last_row; ++row)
        for (int column = first(1, last_column); column <= last_column; ++column) gather(row, column);
    }
    mutable_pack<width>(dx, i) = stored<T>(sum + before);
  }
};

/// Calls use(constant) with `length` if it is 1, 2 or 3, else with 0: so does it for what is rare.
template <bool is_frequent, class Use>
void with_constant(int64_t length, const Use& use) {
  if constexpr (!is_frequent) return use(std::integral_constant<int, 0>{});
  if (length == 1) return use(std::integral_constant<int, 1>{});
  if (length == 2) return use(std::integral_constant<int, 2>{});
  if (length == 3) return use(std::integral_constant<int, 3>{});
  use(std::integral_constant<int, 0>{});
}

/// Calls use(code) with a zero of the type of the winners.
template <class Use>
void with_code(const Tensor& winners, const Use& use) {
  if (winners.defined() && winners.dtype() == DType::i32)
    use(int32_t{});
  else
    use(uint8_t{});
}

template <class Index, class Code>
inline constexpr bool is_frequent = std::is_same_v<Index, uint32_t>&& std::is_same_v<Code, uint8_t>;

template <int width, class Index, class T, class Code>
void forward(const Tensor& x, const WindowGeometry& g, const Tensor& y, const Tensor& winners) {
  with_constant<is_frequent<Index, Code>>(g.size[0] == g.size[1] ? g.size[0] : 0, [&](auto window) {
    for_each(context_of(x), y.elements() / width,
             MaxForward<width, window, Index, T, Code>{
                 x.data<T>(), MaxWindows(g), output_places<Index>(g, width), g.channels / width,
                 y.mutable_data<T>(), mutable_data_or_null<Code>(winners)});
  });
}

template <int width, class Index, class T, class Code>
void backward(const Tensor& winners, const Tensor& dy, const WindowGeometry& g, bool add, const Tensor& dx) {
  auto reach = [&](int axis) { return (g.size[axis] + g.strides[axis] - 1) / g.strides[axis]; };
  with_constant<is_frequent<Index, Code>>(std::max(reach(0), reach(1)), [&](auto most) {
    for_each(context_of(dy), dx.elements() / width,
             MaxBackward<width, most, Index, T, Code>{
                 dy.data<T>(),
                 winners.data<Code>(),
                 MaxWindows(g),
                 input_places<Index>(g, width),
                 {Divider<uint32_t>(g.strides[0]), Divider<uint32_t>(g.strides[1])},
                 g.channels / width,
                 add,
                 dx.mutable_data<T>()});
  });
}

}  // namespace

void max_pool2d_forward(const Tensor& x, const WindowGeometry& geometry, const Tensor& y,
                        const Tensor& winners) {
  if (x.dtype() == DType::bf16) {
    constexpr int width = pack_width<bfloat16>;
    if (!is_packed_bf16(x.elements(), geometry.channels, winners, {x.raw(), y.raw()}))
      return call_in_f32(max_pool2d_forward, x, geometry, y, winners);
    return forward<width, uint32_t, bfloat16, uint8_t>(x, geometry, y, winners);
  }
  visit_float(x.dtype(), "max_pool2d", [&](auto zero) {
    using T = decltype(zero);
    with_code(winners, [&](auto code) {
      using Code = decltype(code);
      with_widths<T>(x.elements(), geometry.channels, {x.raw(), y.raw()}, [&](auto width, auto index) {
        forward<width, decltype(index), T, Code>(x, geometry, y, winners);
      });
    });
  });
}

void max_pool2d_backward(const Tensor& x, const Tensor& y, const Tensor& winners, const Tensor& dy,
                         const WindowGeometry& geometry, bool add, const Tensor& dx) {
  if (dy.dtype() == DType::bf16) {
    constexpr int width = pack_width<bfloat16>;
    if (is_packed_bf16(dx.elements(), geometry.channels, winners, {dy.raw(), dx.raw()}))
      return backward<width, uint32_t, bfloat16, uint8_t>(winners, dy, geometry, add, dx);
    Tensor to = add ? Tensor::empty_like(dx) : dx;
    call_in_f32(max_pool2d_backward, x, y, winners, dy, geometry, false, to);
    return add ? accumulate(to, dx) : void();
  }
  visit_float(dy.dtype(), "max_pool2d", [&](auto zero) {
    using T = decltype(zero);
    with_code(winners, [&](auto code) {
      using Code = decltype(code);
      with_widths<T>(dx.elements(), geometry.channels, {dy.raw(), dx.raw()}, [&](auto width, auto index) {
        backward<width, decltype(index), T, Code>(winners, dy, geometry, add, dx);
      });
    });
  });
}

}  // namespace manul::cuda
