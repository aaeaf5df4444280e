#include "manul/ops/reduce/reduce_axes.h"

#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/lines_cpu.h"
#include "manul/ops/reduce/reductions.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

/// Over axes `first` to `last`, which keep the length 1.
Tensor reduce_adjacent(Reduction reduction, const char* name, const Tensor& x, int first, int last) {
  AxisView axis = view_axes(x.shape(), first, last);
  std::vector<int> axes;
  for (int i = first; i <= last; ++i) axes.push_back(i);
  Tensor y = Tensor::empty(without_axes(x.shape(), axes, true), x.dtype(), x.device());
  reduce_axis_kernel(reduction, axis, x, y);
  if (Tape* tape = Tape::recording({&x})) {
    bool is_sum = reduction == Reduction::sum;
    tape->record(name, y, {x},
                 [reduction, axis, x = is_sum ? Tensor() : x, y = is_sum ? Tensor() : y](
                     const Tensor& dy, Gradients& gradients) {
                   reduce_axis_backward_kernel(reduction, axis, x, y, dy, gradients.target(0));
                 });
  }
  return y;
}

/// Calls use(first, last) for each group of adjacent axes.
template <class Use>
void for_groups(const std::vector<int>& axes, Use&& use) {
  for (size_t begin = 0; begin < axes.size();) {
    size_t end = begin + 1;
    while (end < axes.size() && axes[end] == axes[end - 1] + 1) ++end;
    use(axes[begin], axes[end - 1]);
    begin = end;
  }
}

Tensor reduce(Reduction reduction, const char* name, const Tensor& x, const Axes& over, bool keepdims) {
  std::vector<int> axes = over.of(x.shape(), name);
  Tensor y = x;
  for_groups(axes, [&](int first, int last) { y = reduce_adjacent(reduction, name, y, first, last); });
  return keepdims ? y : reshape(y, without_axes(x.shape(), axes, false));
}

/// `x`, of length 1 along the axes, repeated along them to `shape`: the opposite of a sum.
Tensor repeat(const Tensor& x, const std::vector<int>& axes, const Shape& shape) {
  Tensor y = x;
  for_groups(axes, [&](int first, int last) {
    Shape before = y.shape();
    std::vector<int64_t> lengths(before.begin(), before.end());
    for (int axis = first; axis <= last; ++axis) lengths[axis] = shape[axis];
    Tensor from = y;
    y = Tensor::empty(Shape(lengths), x.dtype(), x.device());
    AxisView view = view_axes(y.shape(), first, last);
    reduce_axis_backward_kernel(Reduction::sum, view, Tensor(), Tensor(), from, y);
    if (Tape* tape = Tape::recording({&from}))
      tape->record("repeat", y, {from}, [view](const Tensor& dy, Gradients& gradients) {
        reduce_axis_kernel(Reduction::sum, view, dy, gradients.target(0));
      });
  });
  return y;
}

/// How many elements are made one.
int64_t reduced_elements(const char* name, const Tensor& x, const Axes& over) {
  int64_t count = 1;
  for (int axis : over.of(x.shape(), name)) count *= x.shape()[axis];
  check(count > 0, "{}: {} has no elements along the axes", name, x.shape());
  return count;
}

Tensor place_of(const char* name, bool largest, const Tensor& x, int over, bool keepdims) {
  check(x.shape().rank() > 0, "{}: a scalar has no axis", name);
  std::vector<int> axes = Axes(over).of(x.shape(), name);
  reduced_elements(name, x, over);
  Tensor y = Tensor::empty(without_axes(x.shape(), axes, keepdims), DType::i32, x.device());
  arg_extreme_kernel(largest, view_axes(x.shape(), axes[0], axes[0]), x, y);
  return y;
}

}  // namespace

Tensor sum(const Tensor& x, const Axes& axes, bool keepdims) {
  return reduce(Reduction::sum, "sum", x, axes, keepdims);
}
Tensor mean(const Tensor& x, const Axes& axes, bool keepdims) {
  int64_t count = reduced_elements("mean", x, axes);
  return scale(reduce(Reduction::sum, "mean", x, axes, keepdims), 1 / static_cast<double>(count));
}
Tensor prod(const Tensor& x, const Axes& axes, bool keepdims) {
  return reduce(Reduction::product, "prod", x, axes, keepdims);
}
Tensor variance(const Tensor& x, const Axes& axes, bool keepdims) {
  reduced_elements("variance", x, axes);
  Tensor center = repeat(mean(x, axes, true), axes.of(x.shape(), "variance"), x.shape());
  return mean(square(subtract(x, center)), axes, keepdims);
}
Tensor max(const Tensor& x, const Axes& axes, bool keepdims) {
  reduced_elements("max", x, axes);
  return reduce(Reduction::largest, "max", x, axes, keepdims);
}
Tensor min(const Tensor& x, const Axes& axes, bool keepdims) {
  reduced_elements("min", x, axes);
  return reduce(Reduction::smallest, "min", x, axes, keepdims);
}
Tensor argmax(const Tensor& x, int axis, bool keepdims) {
  return place_of("argmax", true, x, axis, keepdims);
}
Tensor argmin(const Tensor& x, int axis, bool keepdims) {
  return place_of("argmin", false, x, axis, keepdims);
}

namespace cpu {
namespace {

/// dx of a product: dy times the product of all others, those before it times those behind it.
template <class T>
void product_backward(const AxisView& axis, const T* x, const T* dy, T* dx) {
  parallel_for(axis.lines(), std::max((int64_t{1} << 12) / std::max(axis.length, int64_t{1}), int64_t{1}),
               [=](int64_t begin, int64_t end) {
                 for (int64_t line = begin; line < end; ++line) {
                   int64_t first = line / axis.inner * axis.length * axis.inner + line % axis.inner;
                   double before = 1, behind = 1;
                   for (int64_t k = 0; k < axis.length; ++k) {
                     dx[first + k * axis.inner] = static_cast<T>(before);
                     before *= static_cast<double>(x[first + k * axis.inner]);
                   }
                   for (int64_t k = axis.length - 1; k >= 0; --k) {
                     T& to = dx[first + k * axis.inner];
                     to = static_cast<T>(static_cast<double>(to) * behind * static_cast<double>(dy[line]));
                     behind *= static_cast<double>(x[first + k * axis.inner]);
                   }
                 }
               });
}

/// dx of the largest or smallest: those that equal it share dy.
template <class T>
void extreme_backward(const AxisView& axis, const T* x, const T* y, const T* dy, T* dx) {
  std::vector<T> shares(axis.lines());
  reduce_lines(axis, x, reductions::Ties<T>{y}, [&](int64_t line, int64_t ties) {
    shares[line] = dy[line] / static_cast<T>(std::max(ties, int64_t{1}));
  });
  map_lines(axis, dx, [=, share = shares.data()](int64_t i, int64_t line) {
    return x[i] == y[line] ? share[line] : T(0);
  });
}

}  // namespace

void reduce_axis(Reduction reduction, const AxisView& axis, const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "reduction", [&](auto zero) {
    using T = decltype(zero);
    T* to = y.mutable_data<T>();
    reductions::visit<T>(reduction, [&](const auto& function) {
      reduce_lines(axis, x.data<T>(), function,
                   [to](int64_t line, auto total) { to[line] = static_cast<T>(total); });
    });
  });
}

void reduce_axis_backward(Reduction reduction, const AxisView& axis, const Tensor& x, const Tensor& y,
                          const Tensor& dy, const Tensor& dx) {
  visit_float(dy.dtype(), "reduction", [&](auto zero) {
    using T = decltype(zero);
    const T* arrived = dy.data<T>();
    T* to = dx.mutable_data<T>();
    if (reduction == Reduction::sum)
      map_lines(axis, to, [=](int64_t, int64_t line) { return arrived[line]; });
    else if (reduction == Reduction::product)
      product_backward(axis, x.data<T>(), arrived, to);
    else
      extreme_backward(axis, x.data<T>(), y.data<T>(), arrived, to);
  });
}

void arg_extreme(bool largest, const AxisView& axis, const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), largest ? "argmax" : "argmin", [&](auto zero) {
    using T = decltype(zero);
    auto store = [to = y.mutable_data<int32_t>()](int64_t line, const auto& place) {
      to[line] = static_cast<int32_t>(place.index);
    };
    if (largest)
      reduce_lines(axis, x.data<T>(), reductions::ArgExtreme<T, true>{}, store);
    else
      reduce_lines(axis, x.data<T>(), reductions::ArgExtreme<T, false>{}, store);
  });
}

}  // namespace cpu
}  // namespace manul
