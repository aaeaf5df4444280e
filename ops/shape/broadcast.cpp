#include "manul/ops/shape/broadcast.h"

#include <algorithm>

#include "manul/framework/cpu/column_sums.h"
#include "manul/framework/tape.h"
#include "manul/ops/shape/reshape.h"

namespace manul {
namespace {

/// The length of axis `axis` of `shape` once it has `rank` axes.
int64_t length_at(const Shape& shape, int axis, int rank) {
  int own = axis - (rank - shape.rank());
  return own < 0 ? 1 : shape[own];
}

void repeat_into(const Tensor& x, const Tensor& y) {
  auto from_steps = steps_of(x.shape()), to_steps = steps_of(y.shape());
  StridedCopy copy;
  for (int axis = 0; axis < y.shape().rank(); ++axis) {
    bool repeats = length_at(x.shape(), axis, y.shape().rank()) == 1;
    int own = axis - (y.shape().rank() - x.shape().rank());
    copy.add_axis(y.shape()[axis], repeats ? 0 : from_steps[own], to_steps[axis]);
  }
  strided_copy_kernel(x, copy, y);
}

/// Sums dy over the axes along which dx was repeated.
void sum_into(const Tensor& dy, const Tensor& dx) {
  auto steps = steps_of(dy.shape());
  StridedBox kept, repeated;
  for (int axis = 0; axis < dy.shape().rank(); ++axis) {
    int64_t length = dy.shape()[axis];
    bool is_kept = length_at(dx.shape(), axis, dy.shape().rank()) == length;
    StridedBox& box = is_kept ? kept : repeated;
    bool follows = box.rank > 0 && box.steps[box.rank - 1] == steps[axis] * length;
    if (follows) {
      box.lengths[box.rank - 1] *= length;
      box.steps[box.rank - 1] = steps[axis];
    } else {
      box.add_axis(length, steps[axis]);
    }
  }
  sum_strided_kernel(dy, kept, repeated, dx);
}

}  // namespace

std::optional<Shape> common_shape(const Shape& a, const Shape& b) {
  int rank = std::max(a.rank(), b.rank());
  std::vector<int64_t> lengths;
  for (int axis = 0; axis < rank; ++axis) {
    int64_t first = length_at(a, axis, rank), second = length_at(b, axis, rank);
    if (first != second && first != 1 && second != 1) return std::nullopt;
    lengths.push_back(first == 1 ? second : first);
  }
  return Shape(lengths);
}

Shape broadcast_shape(std::string_view operation, const Shape& a, const Shape& b) {
  std::optional<Shape> common = common_shape(a, b);
  check(common.has_value(), "{}: {} does not go with {}", operation, a, b);
  return *common;
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check(broadcast_shape("broadcast_to", x.shape(), shape) == shape, "broadcast_to: {} does not become {}",
        x.shape(), shape);
  Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  repeat_into(x, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("broadcast_to", y, {x},
                 [](const Tensor& dy, Gradients& gradients) { sum_into(dy, gradients.target(0)); });
  return y;
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check(broadcast_shape("sum_to", shape, x.shape()) == x.shape(), "sum_to: {} does not become {}", x.shape(),
        shape);
  Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  sum_into(x, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("sum_to", y, {x},
                 [](const Tensor& dy, Gradients& gradients) { repeat_into(dy, gradients.target(0)); });
  return y;
}

Tensor tile(const Tensor& x, const std::vector<int64_t>& repeats) {
  check(static_cast<int>(repeats.size()) == x.shape().rank(), "tile: {} has {} axes, {} repeats are given",
        x.shape(), x.shape().rank(), repeats.size());
  Tensor y = x;
  for (int axis = x.shape().rank() - 1; axis >= 0; --axis) {
    check(repeats[axis] >= 0, "tile: {} repeats of axis {}", repeats[axis], axis);
    if (repeats[axis] == 1) continue;
    Tensor apart = expand_dims(y, axis);
    Tensor repeated = broadcast_to(apart, with_length(apart.shape(), axis, repeats[axis]));
    y = reshape(repeated, with_length(y.shape(), axis, y.shape()[axis] * repeats[axis]));
  }
  return y;
}

Tensor repeat(const Tensor& x, int64_t times, int axis) {
  int at = axis_of("repeat", axis, x.shape().rank());
  check(times >= 0, "repeat: {} times", times);
  Tensor apart = expand_dims(x, at + 1);
  return reshape(broadcast_to(apart, with_length(apart.shape(), at + 1, times)),
                 with_length(x.shape(), at, x.shape()[at] * times));
}

void cpu::sum_strided(const Tensor& y, const StridedBox& kept, const StridedBox& repeated, const Tensor& x) {
  visit_float(y.dtype(), "sum", [&](auto zero) {
    using T = decltype(zero);
    const T* from = y.data<T>();
    int64_t columns = x.elements();
    auto sums = column_sums(columns == 0 ? 0 : repeated.elements(), columns, [=](int64_t i, int64_t column) {
      return static_cast<double>(from[kept.offset(column) + repeated.offset(i / columns)]);
    });
    std::copy(sums.begin(), sums.end(), x.mutable_data<T>());
  });
}

}  // namespace manul
