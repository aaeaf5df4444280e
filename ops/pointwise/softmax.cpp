#include "manul/ops/pointwise/softmax.h"

#include <algorithm>

#include "manul/framework/cpu/eigen.h"
#include "manul/framework/tape.h"

namespace manul {

Tensor softmax(const Tensor& x) {
  check(x.shape().rank() >= 1, "softmax: a scalar has no last axis");
  Tensor y = Tensor::empty_like(x);
  softmax_kernel(x, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("softmax", y, {x}, [y](const Tensor& dy, Gradients& gradients) {
      softmax_backward_kernel(y, dy, gradients.target(0));
    });
  return y;
}

Tensor log_softmax(const Tensor& x) {
  check(x.shape().rank() >= 1, "log_softmax: a scalar has no last axis");
  Tensor y = Tensor::empty_like(x);
  log_softmax_kernel(x, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("log_softmax", y, {x}, [y](const Tensor& dy, Gradients& gradients) {
      log_softmax_backward_kernel(y, dy, gradients.target(0));
    });
  return y;
}

namespace cpu {
namespace {

/// body(first element, classes) for each row along the last axis.
template <class Body>
void for_rows(const Tensor& x, const Body& body) {
  constexpr int64_t grain = 1 << 12;
  int64_t classes = x.shape()[-1];
  parallel_for(x.shape().rows(), std::max<int64_t>(1, grain / std::max<int64_t>(classes, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) body(row * classes, classes);
               });
}

template <class T>
Vector<T> identity(Vector<T> v) {
  return v;
}

/// Rows so short that a vector or two would be mostly empty: exp goes over many rows at once, the rest by
/// number.
constexpr int64_t short_row = 64;

template <class T>
void softmax_of_short_rows(int64_t rows, int64_t classes, const T* in, T* out) {
  constexpr int64_t grain = 1 << 12;
  parallel_for(rows, std::max(grain / classes, int64_t{1}), [=](int64_t begin, int64_t end) {
    for (int64_t first = begin * classes; first < end * classes; first += classes) {
      T top = *std::max_element(in + first, in + first + classes);
      for (int64_t c = first; c < first + classes; ++c) out[c] = in[c] - top;
    }
    T* part = out + begin * classes;
    map_range((end - begin) * classes, [](Vector<T> v) { return Math<Vector<T>>::exp(v); }, part, part);
    for (int64_t first = begin * classes; first < end * classes; first += classes) {
      T sum = 0;
      for (int64_t c = first; c < first + classes; ++c) sum += out[c];
      for (int64_t c = first; c < first + classes; ++c) out[c] /= sum;
    }
  });
}

template <class T>
void softmax_backward_of_short_rows(int64_t rows, int64_t classes, const T* out, const T* arrived, T* to) {
  constexpr int64_t grain = 1 << 12;
  parallel_for(rows, std::max(grain / classes, int64_t{1}), [=](int64_t begin, int64_t end) {
    for (int64_t first = begin * classes; first < end * classes; first += classes) {
      T sum = 0;
      for (int64_t c = first; c < first + classes; ++c) sum += out[c] * arrived[c];
      for (int64_t c = first; c < first + classes; ++c) to[c] = out[c] * (arrived[c] - sum);
    }
  });
}

bool has_short_rows(const Tensor& x) {
  return x.shape()[-1] > 0 && x.shape()[-1] < short_row;
}

}  // namespace

void softmax(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    if (has_short_rows(x)) return softmax_of_short_rows(x.shape().rows(), x.shape()[-1], in, out);
    for_rows(x, [=](int64_t first, int64_t classes) {
      T* row = out + first;
      T top = largest(classes, in + first);
      map_range(
          classes, [=](Vector<T> v) { return Math<Vector<T>>::exp(v - top); }, row, in + first);
      T sum = sum_range<T>(classes, identity<T>, row);
      map_range(
          classes, [=](Vector<T> v) { return v / sum; }, row, row);
    });
  });
}

void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  visit_float(y.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    const T *out = y.data<T>(), *arrived = dy.data<T>();
    T* to = dx.mutable_data<T>();
    if (has_short_rows(y))
      return softmax_backward_of_short_rows(y.shape().rows(), y.shape()[-1], out, arrived, to);
    for_rows(y, [=](int64_t first, int64_t classes) {
      T sum = sum_range<T>(
          classes, [](Vector<T> v, Vector<T> d) { return v * d; }, out + first, arrived + first);
      map_range(
          classes, [=](Vector<T> v, Vector<T> d) { return v * (d - sum); }, to + first, out + first,
          arrived + first);
    });
  });
}

void log_softmax(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "log_softmax", [&](auto zero) {
    using T = decltype(zero);
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    for_rows(x, [=](int64_t first, int64_t classes) {
      T top = largest(classes, in + first);
      T sum = sum_range<T>(
          classes, [=](Vector<T> v) { return Math<Vector<T>>::exp(v - top); }, in + first);
      T log_sum = std::log(sum);
      map_range(
          classes, [=](Vector<T> v) { return (v - top) - log_sum; }, out + first, in + first);
    });
  });
}

void log_softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  visit_float(y.dtype(), "log_softmax", [&](auto zero) {
    using T = decltype(zero);
    const T *out = y.data<T>(), *arrived = dy.data<T>();
    T* to = dx.mutable_data<T>();
    for_rows(y, [=](int64_t first, int64_t classes) {
      T sum = sum_range<T>(classes, identity<T>, arrived + first);
      map_range(
          classes, [=](Vector<T> v, Vector<T> d) { return d - Math<Vector<T>>::exp(v) * sum; }, to + first,
          out + first, arrived + first);
    });
  });
}

}  // namespace cpu
}  // namespace manul
