#include "manul/ops/pointwise/softmax.h"

#include "manul/framework/cuda/elementwise.h"

namespace manul::cuda {
namespace {

constexpr int row_threads = 256, row_warps = row_threads / 32;

// What is computed of a row of one or two tensors: from the largest of the first, if it asks for that, the
// sum of a term of each element, and what is left of the sum, the values.

/// exp(x - max) / sum
struct SoftmaxRow {
  static constexpr bool has_top = true;
  template <class T>
  __device__ T term(T x, T, T top) const {
    return std::exp(x - top);
  }
  template <class T>
  __device__ T total(T sum) const {
    return T(1) / sum;
  }
  template <class T>
  __device__ T value(T x, T, T top, T total) const {
    return std::exp(x - top) * total;
  }
};
/// x - max - log(sum)
struct LogSoftmaxRow {
  static constexpr bool has_top = true;
  template <class T>
  __device__ T term(T x, T, T top) const {
    return std::exp(x - top);
  }
  template <class T>
  __device__ T total(T sum) const {
    return std::log(sum);
  }
  template <class T>
  __device__ T value(T x, T, T top, T total) const {
    return (x - top) - total;
  }
};
/// y * (dy - sum(y * dy))
struct SoftmaxBackwardRow {
  static constexpr bool has_top = false;
  template <class T>
  __device__ T term(T y, T dy, T) const {
    return y * dy;
  }
  template <class T>
  __device__ T total(T sum) const {
    return sum;
  }
  template <class T>
  __device__ T value(T y, T dy, T, T total) const {
    return y * (dy - total);
  }
};
/// dy - exp(y) * sum(dy)
struct LogSoftmaxBackwardRow {
  static constexpr bool has_top = false;
  template <class T>
  __device__ T term(T, T dy, T) const {
    return dy;
  }
  template <class T>
  __device__ T total(T sum) const {
    return sum;
  }
  template <class T>
  __device__ T value(T y, T dy, T, T total) const {
    return dy - std::exp(y) * total;
  }
};

/// A warp a row, of which a lane keeps `packs` packs of `width` elements. `b` may be null.
template <int width, int packs, class S, class Row>
__global__ void __launch_bounds__(row_threads)
    short_rows(const S* a, const S* b, int64_t rows, int classes, Row function, S* to) {
  begin_kernel();
  using T = Compute<S>;
  int64_t row = int64_t{blockIdx.x} * row_warps + threadIdx.x / 32;
  if (row >= rows) return;
  int lane = threadIdx.x % 32 * width;
  auto for_kept = [&](const auto& use) {
#pragma unroll
    for (int p = 0; p < packs; ++p)
      if (int at = lane + p * 32 * width; at < classes) use(p, row * classes + at);
  };
  Pack<T, width> kept[packs], others[packs];
  for_kept([&](int p, int64_t at) {
    kept[p] = load_pack<width>(a + at);
    if constexpr (!Row::has_top) others[p] = load_pack<width>(b + at);
  });
  auto other = [&](int p, int k) -> T {
    if constexpr (Row::has_top)
      return 0;
    else
      return others[p].values[k];
  };
  T top = 0, sum = 0;
  if constexpr (Row::has_top) {
    top = lane < classes ? kept[0].values[0] : -static_cast<T>(INFINITY);
    for_kept([&](int p, int64_t) {
#pragma unroll
      for (int k = 0; k < width; ++k) top = kept[p].values[k] > top ? kept[p].values[k] : top;
    });
    top = warp_max(top);
  }
  for_kept([&](int p, int64_t) {
#pragma unroll
    for (int k = 0; k < width; ++k) sum += function.term(kept[p].values[k], other(p, k), top);
  });
  T total = function.total(warp_sum(sum));
  for_kept([&](int p, int64_t at) {
    Pack<T, width> values;
#pragma unroll
    for (int k = 0; k < width; ++k)
      values.values[k] = function.value(kept[p].values[k], other(p, k), top, total);
    store_pack<width>(to + at, values);
  });
}

/// A warp a row of any length, which it reads up to three times.
template <class S, class Row>
__global__ void __launch_bounds__(row_threads)
    long_rows(const S* a, const S* b, int64_t rows, int64_t classes, Row function, S* to) {
  begin_kernel();
  using T = Compute<S>;
  int64_t row = int64_t{blockIdx.x} * row_warps + threadIdx.x / 32;
  if (row >= rows) return;
  int64_t first = row * classes, behind = first + classes, begin = first + threadIdx.x % 32;
  auto other = [&](int64_t i) -> T { return Row::has_top ? T(0) : static_cast<T>(b[i]); };
  T top = 0, sum = 0;
  if constexpr (Row::has_top) {
    top = a[first];
    for (int64_t i = begin; i < behind; i += 32) {
      T value = a[i];
      top = value > top ? value : top;
    }
    top = warp_max(top);
  }
  for (int64_t i = begin; i < behind; i += 32) sum += function.term(static_cast<T>(a[i]), other(i), top);
  T total = function.total(warp_sum(sum));
  for (int64_t i = begin; i < behind; i += 32)
    to[i] = static_cast<S>(function.value(static_cast<T>(a[i]), other(i), top, total));
}

/// A thread a row: for as few classes as a picture's pixels have.
constexpr int most_narrow_classes = 16;
template <class S, class Row>
__global__ void __launch_bounds__(row_threads)
    narrow_rows(const S* a, const S* b, int64_t rows, int classes, Row function, S* to) {
  begin_kernel();
  using T = Compute<S>;
  int64_t row = int64_t{blockIdx.x} * row_threads + threadIdx.x;
  if (row >= rows) return;
  const S *first = a + row * classes, *second = b + row * classes;
  auto other = [&](int c) -> T { return Row::has_top ? T(0) : static_cast<T>(second[c]); };
  T top = Row::has_top ? static_cast<T>(first[0]) : T(0), sum = 0;
  for (int c = 1; Row::has_top && c < classes; ++c) {
    T value = first[c];
    top = value > top ? value : top;
  }
  for (int c = 0; c < classes; ++c) sum += function.term(static_cast<T>(first[c]), other(c), top);
  T total = function.total(sum);
  for (int c = 0; c < classes; ++c)
    to[row * classes + c] = static_cast<S>(function.value(static_cast<T>(first[c]), other(c), top, total));
}

template <int width, class S, class Row>
void rows_of_width(const Context& context, const S* a, const S* b, int64_t rows, int64_t classes,
                   const Row& function, S* to) {
  constexpr int some = std::max(8 / width, 1), many = 4 * some;  // 8 or 32 elements a lane
  unsigned blocks = blocks_for(rows, row_warps);
  if (classes <= 32 * width * some)
    launch(context, short_rows<width, some, S, Row>, blocks, row_threads, a, b, rows, classes, function, to);
  else if (classes <= 32 * width * many)
    launch(context, short_rows<width, many, S, Row>, blocks, row_threads, a, b, rows, classes, function, to);
  else
    launch(context, long_rows<S, Row>, blocks, row_threads, a, b, rows, classes, function, to);
}

template <class Row>
void for_rows(const char* operation, const Row& function, const Tensor& a, const Tensor& b,
              const Tensor& to) {
  visit_compute(a.dtype(), operation, [&](auto types) {
    using S = typename decltype(types)::Storage;
    const Context& context = context_of(a);
    const S *first = a.data<S>(), *second = data_or_null<S>(b);
    S* result = to.mutable_data<S>();
    int64_t rows = a.shape().rows(), classes = a.shape()[-1];
    if (a.elements() == 0) return;
    if (classes <= most_narrow_classes)
      return launch(context, narrow_rows<S, Row>, blocks_for(rows, row_threads), row_threads, first, second,
                    rows, classes, function, result);
    auto use = [&](auto width) {
      if (classes % width != 0 || !allow_packs({first, second, result})) return false;
      rows_of_width<decltype(width)::value>(context, first, second, rows, classes, function, result);
      return true;
    };
    constexpr int widest = pack_width<S>, half = std::max(widest / 2, 2);
    if (use(std::integral_constant<int, widest>{}) || use(std::integral_constant<int, half>{})) return;
    rows_of_width<1>(context, first, second, rows, classes, function, result);
  });
}

}  // namespace

void softmax(const Tensor& x, const Tensor& y) {
  for_rows("softmax", SoftmaxRow{}, x, {}, y);
}

void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  for_rows("softmax", SoftmaxBackwardRow{}, y, dy, dx);
}

void log_softmax(const Tensor& x, const Tensor& y) {
  for_rows("log_softmax", LogSoftmaxRow{}, x, {}, y);
}

void log_softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  for_rows("log_softmax", LogSoftmaxBackwardRow{}, y, dy, dx);
}

}  // namespace manul::cuda
