#include "manul/ops/constraints/norm_limits.h"

#include <algorithm>

#include "manul/framework/cpu/parallel.h"

namespace manul {

NormWalk::NormWalk(const Shape& shape, const std::vector<int64_t>& axes) {
  int64_t rank = shape.rank();
  check(rank <= most_axes, "constraint: a weight of {} axes is not supported, at most {}", rank, most_axes);
  std::vector<bool> is_reduced(rank);
  for (int64_t axis : axes) {
    check(axis >= -rank && axis < rank, "constraint: there is no axis {} in a weight {}", axis, shape);
    is_reduced[axis < 0 ? axis + rank : axis] = true;
  }
  std::vector<int64_t> strides(rank, 1);
  for (int64_t axis = rank - 2; axis >= 0; --axis) strides[axis] = strides[axis + 1] * shape[axis + 1];
  for (int64_t axis = 0; axis < rank; ++axis) {
    int& count = is_reduced[axis] ? reduced : kept;
    (is_reduced[axis] ? reduced_length : kept_length)[count] = shape[axis];
    (is_reduced[axis] ? reduced_stride : kept_stride)[count] = strides[axis];
    (is_reduced[axis] ? terms : cells) *= shape[axis];
    ++count;
  }
}

namespace cpu {

void limit_norms(const Tensor& weight, const NormWalk& walk, const NormLimits& limits) {
  visit_float(weight.dtype(), "limit_norms", [&](auto zero) {
    using T = decltype(zero);
    T* values = weight.mutable_data<T>();
    int64_t grain = std::max<int64_t>(1, (1 << 12) / std::max<int64_t>(walk.terms, 1));
    parallel_for(walk.cells, grain, [&](int64_t first, int64_t last) {
      for (int64_t cell = first; cell < last; ++cell) walk.limit(limits, cell, values);
    });
  });
}

void make_non_negative(const Tensor& weight) {
  visit_float(weight.dtype(), "make_non_negative", [&](auto zero) {
    using T = decltype(zero);
    T* values = weight.mutable_data<T>();
    parallel_for(weight.elements(), 1 << 14, [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) values[i] = values[i] < 0 ? T(0) : values[i];
    });
  });
}

}  // namespace cpu
}  // namespace manul
