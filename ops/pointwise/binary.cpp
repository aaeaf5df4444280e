#include <algorithm>

#include "manul/framework/cpu/column_sums.h"
#include "manul/framework/cpu/eigen.h"
#include "manul/framework/tape.h"
#include "manul/ops/pointwise/binary_functions.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {
namespace {

using namespace pointwise;

template <class T, class Use>
void visit_binary(Binary operation, Use&& use) {
  visit<T>(BinaryFunctions{}, operation.function, {}, use);
}

/// What the table says of a function.
struct Properties {
  const char* name;
  bool has_gradient, passes_a = false, passes_b = false;
};

Properties properties_of(Binary operation) {
  Properties properties{};
  visit_binary<float>(operation, [&](auto function) {
    using F = decltype(function);
    properties = {F::name, has_gradient<F, float>};
    if constexpr (has_gradient<F, float>) {
      properties.passes_a = F::passes_a;
      properties.passes_b = F::passes_b;
    }
  });
  return properties;
}

}  // namespace

std::optional<Repetition> repetition_of(const Shape& a, const Shape& b) {
  if (b.elements() == 1) return Repetition{1, a.elements(), 1};
  int shift = a.rank() - b.rank(), first = 0, last = a.rank();
  if (shift < 0) return {};
  // The axes from first to last are those along which b repeats.
  while (last > shift && b[last - 1 - shift] == a[last - 1]) --last;
  if (shift == 0)
    while (first < last && b[first] == a[first]) ++first;
  Repetition repetition{1, 1, 1};
  for (int axis = 0; axis < a.rank(); ++axis) {
    bool repeats = axis >= first && axis < last;
    if (repeats && axis >= shift && b[axis - shift] != 1) return {};
    (axis < first ? repetition.groups : repeats ? repetition.rows : repetition.period) *= a[axis];
  }
  return repetition;
}

Tensor binary(Binary operation, const Tensor& a, const Tensor& b) {
  Properties is = properties_of(operation);
  check(repetition_of(a.shape(), b.shape()).has_value(),
        "{}: {} does not fit {} (want the same, its last axes, 1 in place of neighbouring axes, or one "
        "element)",
        is.name, b.shape(), a.shape());
  check(a.dtype() == b.dtype(), "{}: {} does not go with {}", is.name, name_of(a.dtype()),
        name_of(b.dtype()));
  Tensor y = Tensor::empty_like(a);
  binary_kernel(operation, a, b, y);
  if (Tape* tape = is.has_gradient ? Tape::recording({&a, &b}) : nullptr)
    tape->record(is.name, y, {a, b}, [operation, is, a, b](const Tensor& dy, Gradients& gradients) {
      bool passes_b = is.passes_b && a.shape() == b.shape();
      if (is.passes_a && gradients.needed(0)) gradients.give(0, dy);
      if (passes_b && gradients.needed(1)) gradients.give(1, dy);
      Tensor da, db;
      if (!is.passes_a && gradients.needed(0)) da = gradients.target(0);
      if (!passes_b && gradients.needed(1)) db = gradients.target(1);
      if (da.defined() || db.defined()) binary_backward_kernel(operation, a, b, dy, da, db);
    });
  return y;
}

Tensor binary(Binary operation, const Tensor& a, double b) {
  return binary(operation, a, Tensor::full({}, b, a.dtype(), a.device()));
}

namespace cpu {
namespace {

/// to[i] = function(from[i]..., the element of b that goes with i)
template <class T, class Function, class... From>
void map_repeating(const Repetition& repeats, const T* b, const Function& function, T* to,
                   const From*... from) {
  constexpr int64_t grain = 1 << 14;
  int64_t rows = repeats.rows, period = repeats.period;
  if (repeats.groups * period == 1) {
    Vector<T> value = broadcast(b[0]);
    map<T>(
        rows, [&](auto... v) { return function(v..., value); }, to, from...);
    return;
  }
  parallel_for(repeats.groups * rows * period, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      int64_t at = i % period, length = std::min(end - i, period - at), group = i / (rows * period);
      map_range(length, function, to + i, (from + i)..., b + group * period + at);
      i += length;
    }
  });
}

template <class F, class T>
void backward_b(const F& function, const T* a, const T* b, const T* dy, T* db, const Repetition& repeats) {
  int64_t rows = repeats.rows, period = repeats.period;
  if (rows == 1) {
    map<T>(
        repeats.groups * period,
        [=](Vector<T> d, Vector<T> p, Vector<T> q) { return d * function.derivative_b(p, q); }, db, dy, a, b);
    return;
  }
  for (int64_t group = 0; group < repeats.groups; ++group) {
    int64_t first = group * rows * period;
    const T* of_group = b + group * period;
    auto sums = column_sums(rows, period, [=](int64_t i, int64_t column) {
      return static_cast<double>(dy[first + i] * function.derivative_b(a[first + i], of_group[column]));
    });
    for (int64_t i = 0; i < period; ++i) db[group * period + i] = static_cast<T>(sums[i]);
  }
}

}  // namespace

void binary(Binary operation, const Tensor& a, const Tensor& b, const Tensor& y) {
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    visit_binary<T>(operation, [&](auto function) {
      map_repeating<T>(
          *repetition_of(a.shape(), b.shape()), b.data<T>(),
          [=](Vector<T> p, Vector<T> q) { return function.value(p, q); }, y.mutable_data<T>(), a.data<T>());
    });
  });
}

void binary_backward(Binary operation, const Tensor& a, const Tensor& b, const Tensor& dy, const Tensor& da,
                     const Tensor& db) {
  Repetition repeats = *repetition_of(a.shape(), b.shape());
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    const T *left = a.data<T>(), *right = b.data<T>(), *arrived = dy.data<T>();
    visit_binary<T>(operation, [&](auto function) {
      if constexpr (has_gradient<decltype(function), T>) {
        if (da.defined())
          map_repeating<T>(
              repeats, right,
              [=](Vector<T> d, Vector<T> p, Vector<T> q) { return d * function.derivative_a(p, q); },
              da.mutable_data<T>(), arrived, left);
        if (db.defined()) backward_b(function, left, right, arrived, db.mutable_data<T>(), repeats);
      }
    });
  });
}

}  // namespace cpu
}  // namespace manul
