#include "manul/ops/pointwise/pointwise.h"

#include <algorithm>

#include "manul/framework/cpu/column_sums.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise_functions.h"

namespace manul {
namespace {

bool repeats_along(const Shape& a, const Shape& b) {
  if (b.elements() == 1) return true;
  return b.rank() <= a.rank() && std::equal(b.begin(), b.end(), a.end() - b.rank());
}

Tensor binary(Binary operation, const char* name, const Tensor& a, const Tensor& b) {
  check(repeats_along(a.shape(), b.shape()),
        "{}: {} does not fit {} (want the same, its last axes, or one element)", name, b.shape(), a.shape());
  check(a.dtype() == b.dtype(), "{}: {} does not go with {}", name, name_of(a.dtype()), name_of(b.dtype()));
  Tensor y = Tensor::empty_like(a);
  binary_kernel(operation, a, b, y);
  if (Tape* tape = Tape::recording({&a, &b}))
    tape->record(name, y, {a, b}, [operation, a, b](const Tensor& dy, Gradients& gradients) {
      bool passes_a = operation == Binary::add || operation == Binary::subtract;
      bool passes_b = operation == Binary::add && a.shape() == b.shape();
      if (passes_a && gradients.needed(0)) gradients.give(0, dy);
      if (passes_b && gradients.needed(1)) gradients.give(1, dy);
      Tensor da, db;
      if (!passes_a && gradients.needed(0)) da = gradients.target(0);
      if (!passes_b && gradients.needed(1)) db = gradients.target(1);
      if (da.defined() || db.defined()) binary_backward_kernel(operation, a, b, dy, da, db);
    });
  return y;
}

Tensor unary(Unary operation, const char* name, const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  unary_kernel(operation, x, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record(name, y, {x}, [operation, x, y](const Tensor& dy, Gradients& gradients) {
      unary_backward_kernel(operation, x, y, dy, gradients.target(0));
    });
  return y;
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  return binary(Binary::add, "add", a, b);
}
Tensor subtract(const Tensor& a, const Tensor& b) {
  return binary(Binary::subtract, "subtract", a, b);
}
Tensor multiply(const Tensor& a, const Tensor& b) {
  return binary(Binary::multiply, "multiply", a, b);
}
Tensor divide(const Tensor& a, const Tensor& b) {
  return binary(Binary::divide, "divide", a, b);
}

Tensor scale(const Tensor& x, double factor, double offset) {
  Tensor y = Tensor::empty_like(x);
  scale_kernel(x, factor, offset, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("scale", y, {x}, [factor](const Tensor& dy, Gradients& gradients) {
      scale_kernel(dy, factor, 0.0, gradients.target(0));
    });
  return y;
}

Tensor negative(const Tensor& x) {
  return unary(Unary::negative, "negative", x);
}
Tensor exp(const Tensor& x) {
  return unary(Unary::exp, "exp", x);
}
Tensor log(const Tensor& x) {
  return unary(Unary::log, "log", x);
}
Tensor sqrt(const Tensor& x) {
  return unary(Unary::sqrt, "sqrt", x);
}
Tensor square(const Tensor& x) {
  return unary(Unary::square, "square", x);
}
Tensor relu(const Tensor& x) {
  return unary(Unary::relu, "relu", x);
}
Tensor sigmoid(const Tensor& x) {
  return unary(Unary::sigmoid, "sigmoid", x);
}
Tensor tanh(const Tensor& x) {
  return unary(Unary::tanh, "tanh", x);
}

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

Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::linear:
      return x;
    case Activation::relu:
      return relu(x);
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::softmax:
      return softmax(x);
  }
  fail(ErrorKind::failed, "activate: unknown activation");
}

namespace cpu {
namespace {

constexpr int64_t grain = 1 << 14;

/// Calls body(first, length, first element of b) for stretches of `a` in which b does not start over.
template <class Body>
void for_repeats(int64_t elements, int64_t period, const Body& body) {
  parallel_for(elements, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      int64_t at = i % period, length = std::min(end - i, period - at);
      body(i, length, at);
      i += length;
    }
  });
}

template <class F, class T>
void binary_forward(const T* a, const T* b, T* y, int64_t elements, int64_t period) {
  if (period == 1) {
    T value = b[0];
    parallel_for(elements, grain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = F::value(a[i], value);
    });
    return;
  }
  for_repeats(elements, period, [=](int64_t first, int64_t length, int64_t at) {
    for (int64_t i = 0; i < length; ++i) y[first + i] = F::value(a[first + i], b[at + i]);
  });
}

template <class F, class T>
void binary_backward_a(const T* a, const T* b, const T* dy, T* da, int64_t elements, int64_t period) {
  for_repeats(elements, period, [=](int64_t first, int64_t length, int64_t at) {
    for (int64_t i = 0; i < length; ++i)
      da[first + i] = dy[first + i] * F::derivative_a(a[first + i], b[at + i]);
  });
}

template <class F, class T>
void binary_backward_b(const T* a, const T* b, const T* dy, T* db, int64_t elements, int64_t period) {
  if (period == elements) {
    parallel_for(elements, grain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) db[i] = dy[i] * F::derivative_b(a[i], b[i]);
    });
    return;
  }
  auto sums = column_sums(period == 0 ? 0 : elements / period, period, [=](int64_t i) {
    return static_cast<double>(dy[i] * F::derivative_b(a[i], b[i % period]));
  });
  for (int64_t i = 0; i < period; ++i) db[i] = static_cast<T>(sums[i]);
}

}  // namespace

void binary(Binary operation, const Tensor& a, const Tensor& b, const Tensor& y) {
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    pointwise::visit(operation, [&](auto function) {
      binary_forward<decltype(function)>(a.data<T>(), b.data<T>(), y.mutable_data<T>(), a.elements(),
                                         b.elements());
    });
  });
}

void binary_backward(Binary operation, const Tensor& a, const Tensor& b, const Tensor& dy, const Tensor& da,
                     const Tensor& db) {
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    pointwise::visit(operation, [&](auto function) {
      using F = decltype(function);
      const T *x = a.data<T>(), *z = b.data<T>(), *dydata = dy.data<T>();
      if (da.defined()) binary_backward_a<F>(x, z, dydata, da.mutable_data<T>(), a.elements(), b.elements());
      if (db.defined()) binary_backward_b<F>(x, z, dydata, db.mutable_data<T>(), a.elements(), b.elements());
    });
  });
}

void unary(Unary operation, const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    pointwise::visit(operation, [&](auto function) {
      const T* from = x.data<T>();
      T* to = y.mutable_data<T>();
      parallel_for(x.elements(), grain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) to[i] = function.value(from[i]);
      });
    });
  });
}

void unary_backward(Unary operation, const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  visit_float(x.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    pointwise::visit(operation, [&](auto function) {
      const T *in = x.data<T>(), *out = y.data<T>(), *arrived = dy.data<T>();
      T* to = dx.mutable_data<T>();
      parallel_for(x.elements(), grain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) to[i] = arrived[i] * function.derivative(in[i], out[i]);
      });
    });
  });
}

void scale(const Tensor& x, double factor, double offset, const Tensor& y) {
  visit_float(x.dtype(), "scale", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T *to = y.mutable_data<T>(), a = static_cast<T>(factor), b = static_cast<T>(offset);
    parallel_for(x.elements(), grain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = from[i] * a + b;
    });
  });
}

void softmax(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    int64_t classes = x.shape()[-1];
    parallel_for(x.shape().rows(), std::max<int64_t>(1, 2048 / std::max<int64_t>(classes, 1)),
                 [=](int64_t begin, int64_t end) {
                   for (int64_t row = begin; row < end; ++row) {
                     const T* in = from + row * classes;
                     T* out = to + row * classes;
                     T top = *std::max_element(in, in + classes), sum = 0;
                     for (int64_t i = 0; i < classes; ++i) sum += out[i] = std::exp(in[i] - top);
                     for (int64_t i = 0; i < classes; ++i) out[i] /= sum;
                   }
                 });
  });
}

void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  visit_float(y.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    const T *out = y.data<T>(), *arrived = dy.data<T>();
    T* to = dx.mutable_data<T>();
    int64_t classes = y.shape()[-1];
    parallel_for(y.shape().rows(), std::max<int64_t>(1, 4096 / std::max<int64_t>(classes, 1)),
                 [=](int64_t begin, int64_t end) {
                   for (int64_t first = begin * classes; first < end * classes; first += classes) {
                     T dot = 0;
                     for (int64_t i = first; i < first + classes; ++i) dot += out[i] * arrived[i];
                     for (int64_t i = first; i < first + classes; ++i) to[i] = out[i] * (arrived[i] - dot);
                   }
                 });
  });
}

}  // namespace cpu
}  // namespace manul
