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

constexpr int64_t work = 4;  // of an exponential, in elements

/// body(row of x, row of each of `others`.., classes) for each row along the last axis.
template <class T, class Body, class... Other>
void for_classes(const Tensor& x, const Body& body, T* to, const Other*... from) {
  int64_t classes = x.shape()[-1];
  for_rows(x.shape().rows(), work * classes, [&](int64_t row) {
    if (classes > 0) body(classes, to + row * classes, (from + row * classes)...);
  });
}

template <class T>
Vector<T> exp(Vector<T> v) {
  return Math<Vector<T>>::exp(v);
}

/// Rows so short that a vector or two would be mostly empty: exp goes over many rows at once, the rest by
/// number.
constexpr int64_t short_row = 64;

template <class T>
void softmax_of_short_rows(int64_t rows, int64_t classes, const T* in, T* out) {
  parallel_rows(rows, work * classes, [=](int64_t begin, int64_t end) {
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
  parallel_rows(rows, work * classes, [=](int64_t begin, int64_t end) {
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
  visit_float(x.dtype(), "softmax", [&]<class T>(T) {
    if (has_short_rows(x))
      return softmax_of_short_rows(x.shape().rows(), x.shape()[-1], x.data<T>(), y.mutable_data<T>());
    auto one = [](int64_t classes, T* out, const T* in) {
      T top = largest(classes, in);
      map_range(
          classes, [=](Vector<T> v) { return exp<T>(v - top); }, out, in);
      T sum = sum_range<T>(
          classes, [](Vector<T> v) { return v; }, out);
      map_range(
          classes, [=](Vector<T> v) { return v / sum; }, out, out);
    };
    for_classes(x, one, y.mutable_data<T>(), x.data<T>());
  });
}

void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  visit_float(y.dtype(), "softmax", [&]<class T>(T) {
    if (has_short_rows(y))
      return softmax_backward_of_short_rows(y.shape().rows(), y.shape()[-1], y.data<T>(), dy.data<T>(),
                                            dx.mutable_data<T>());
    auto one = [](int64_t classes, T* to, const T* out, const T* arrived) {
      T sum = sum_range<T>(
          classes, [](Vector<T> v, Vector<T> d) { return v * d; }, out, arrived);
      map_range(
          classes, [=](Vector<T> v, Vector<T> d) { return v * (d - sum); }, to, out, arrived);
    };
    for_classes(y, one, dx.mutable_data<T>(), y.data<T>(), dy.data<T>());
  });
}

void log_softmax(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "log_softmax", [&]<class T>(T) {
    auto one = [](int64_t classes, T* out, const T* in) {
      T top = largest(classes, in);
      T log_sum = std::log(sum_range<T>(
          classes, [=](Vector<T> v) { return exp<T>(v - top); }, in));
      map_range(
          classes, [=](Vector<T> v) { return (v - top) - log_sum; }, out, in);
    };
    for_classes(x, one, y.mutable_data<T>(), x.data<T>());
  });
}

void log_softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  visit_float(y.dtype(), "log_softmax", [&]<class T>(T) {
    auto one = [](int64_t classes, T* to, const T* out, const T* arrived) {
      T sum = sum_range<T>(
          classes, [](Vector<T> v) { return v; }, arrived);
      map_range(
          classes, [=](Vector<T> v, Vector<T> d) { return d - exp<T>(v) * sum; }, to, out, arrived);
    };
    for_classes(y, one, dx.mutable_data<T>(), y.data<T>(), dy.data<T>());
  });
}

}  // namespace cpu
}  // namespace manul
