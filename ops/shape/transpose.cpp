#include "manul/ops/shape/transpose.h"

#include <algorithm>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/shape/strided_copy.h"

namespace manul {
namespace {

/// y from x, by whole tiles where it is matrices that are transposed.
void transpose_to(const Tensor& x, const std::vector<int>& axes, const Tensor& y) {
  auto from_steps = steps_of(x.shape()), to_steps = steps_of(y.shape());
  StridedCopy copy;
  for (int axis = 0; axis < y.shape().rank(); ++axis)
    copy.add_axis(y.shape()[axis], from_steps[axes[axis]], to_steps[axis]);
  const StridedBox& from = copy.from;
  int last = from.rank - 1;
  bool is_matrix = last >= 1 && from.steps[last - 1] == 1 && from.steps[last] == from.lengths[last - 1];
  if (is_matrix && last == 1) {
    transpose_kernel(x.view({1, from.lengths[1], from.lengths[0]}),
                     y.view({1, from.lengths[0], from.lengths[1]}));
  } else if (is_matrix && last == 2 && from.steps[0] == from.lengths[1] * from.lengths[2]) {
    transpose_kernel(x.view({from.lengths[0], from.lengths[2], from.lengths[1]}),
                     y.view({from.lengths[0], from.lengths[1], from.lengths[2]}));
  } else {
    strided_copy_kernel(x, copy, y);
  }
}

}  // namespace

Tensor transpose(const Tensor& x) {
  check(x.shape().rank() == 2, "transpose: {} is not a matrix", x.shape());
  return transpose(x, {1, 0});
}

Tensor transpose(const Tensor& x, const std::vector<int>& axes) {
  int rank = x.shape().rank();
  std::vector<int> inverse(rank, -1);
  std::vector<int64_t> lengths;
  for (int axis : axes) {
    bool is_new = axis >= 0 && axis < rank && inverse[axis] < 0 && static_cast<int>(lengths.size()) < rank;
    check(is_new, "transpose: axes of {} are named once each from 0 on", x.shape());
    inverse[axis] = static_cast<int>(lengths.size());
    lengths.push_back(x.shape()[axis]);
  }
  check(static_cast<int>(lengths.size()) == rank, "transpose: {} of the {} axes of {} are named",
        lengths.size(), rank, x.shape());
  Tensor y = Tensor::empty(Shape(lengths), x.dtype(), x.device());
  if (x.elements() > 0) transpose_to(x, axes, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("transpose", y, {x}, [inverse](const Tensor& dy, Gradients& gradients) {
      transpose_to(dy, inverse, gradients.target(0));
    });
  return y;
}

void cpu::transpose(const Tensor& x, const Tensor& y) {
  visit_bits(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    constexpr int64_t tile = 32;
    int64_t rows = x.shape()[1], columns = x.shape()[2], stripes = (columns + tile - 1) / tile;
    const T* from = x.bits<T>();
    T* to = y.mutable_bits<T>();
    int64_t grain = std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(rows * tile, 1));
    parallel_for(x.shape()[0] * stripes, grain, [=](int64_t first, int64_t last) {
      for (int64_t stripe = first; stripe < last; ++stripe) {
        int64_t matrix = stripe / stripes * rows * columns, begin = stripe % stripes * tile,
                end = std::min(begin + tile, columns);
        for (int64_t top = 0; top < rows; top += tile)
          for (int64_t column = begin; column < end; ++column)
            for (int64_t row = top; row < std::min(top + tile, rows); ++row)
              to[matrix + column * rows + row] = from[matrix + row * columns + column];
      }
    });
  });
}

}  // namespace manul
