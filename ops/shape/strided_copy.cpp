#include "manul/ops/shape/strided_copy.h"

#include <algorithm>

#include "manul/framework/cpu/parallel.h"

namespace manul {

int64_t StridedBox::elements() const {
  int64_t count = 1;
  for (int axis = 0; axis < rank; ++axis) count *= lengths[axis];
  return count;
}

void StridedBox::add_axis(int64_t length, int64_t step) {
  lengths[rank] = length;
  steps[rank++] = step;
}

std::array<int64_t, Shape::max_rank> steps_of(const Shape& shape) {
  std::array<int64_t, Shape::max_rank> steps{};
  int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    steps[axis] = step;
    step *= shape[axis];
  }
  return steps;
}

void StridedCopy::add_axis(int64_t length, int64_t from_step, int64_t to_step) {
  if (length == 1) return;
  int last = from.rank - 1;
  if (last >= 0 && from.steps[last] == from_step * length && to.steps[last] == to_step * length) {
    from.lengths[last] = to.lengths[last] = from.lengths[last] * length;
    from.steps[last] = from_step;
    to.steps[last] = to_step;
    return;
  }
  from.add_axis(length, from_step);
  to.add_axis(length, to_step);
}

StridedCopy copy_from_region(const Shape& whole, std::span<const int64_t> first, const Shape& lengths) {
  auto whole_steps = steps_of(whole), own_steps = steps_of(lengths);
  StridedCopy copy;
  for (int axis = 0; axis < whole.rank(); ++axis) {
    copy.from_first += first[axis] * whole_steps[axis];
    copy.add_axis(lengths[axis], whole_steps[axis], own_steps[axis]);
  }
  return copy;
}

StridedCopy copy_to_region(const Shape& whole, std::span<const int64_t> first, const Shape& lengths) {
  StridedCopy copy = copy_from_region(whole, first, lengths);
  std::swap(copy.from, copy.to);
  std::swap(copy.from_first, copy.to_first);
  return copy;
}

namespace cpu {

void strided_copy(const Tensor& from, const StridedCopy& copy, const Tensor& to) {
  constexpr int64_t grain = 1 << 14;
  int64_t elements = copy.from.elements();
  if (elements == 0) return;
  visit_bits(from.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* read = from.bits<T>() + copy.from_first;
    T* write = to.mutable_bits<T>() + copy.to_first;
    StridedBox from_rows = copy.from, to_rows = copy.to;  // without the inner axis
    int64_t length = 1, from_step = 1, to_step = 1;
    if (from_rows.rank > 0) {
      length = from_rows.lengths[--from_rows.rank];
      from_step = from_rows.steps[from_rows.rank];
      to_step = to_rows.steps[--to_rows.rank];
    }
    int64_t pieces = (length + grain - 1) / grain, piece = (length + pieces - 1) / pieces;
    int64_t rows = elements / length * pieces;
    parallel_for(rows, std::max<int64_t>(1, grain / piece), [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int64_t first = row % pieces * piece, count = std::min(piece, length - first);
        const T* in = read + from_rows.offset(row / pieces) + first * from_step;
        T* out = write + to_rows.offset(row / pieces) + first * to_step;
        if (from_step == 1 && to_step == 1)
          std::copy_n(in, count, out);
        else if (from_step == 0 && to_step == 1)
          std::fill_n(out, count, *in);
        else
          for (int64_t i = 0; i < count; ++i) out[i * to_step] = in[i * from_step];
      }
    });
  });
}

}  // namespace cpu
}  // namespace manul
