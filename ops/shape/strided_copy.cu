#include <algorithm>

#include "manul/framework/cuda/divider.h"
#include "manul/framework/cuda/launch.h"
#include "manul/ops/shape/strided_copy.h"

namespace manul::cuda {
namespace {

/// Element i of two boxes of the same lengths.
template <class T, class Index>
struct CopyBody {
  const T* from;
  T* to;
  int rank;
  Divider<Index> lengths[Shape::max_rank];
  int64_t from_steps[Shape::max_rank], to_steps[Shape::max_rank];

  CopyBody(const T* from, T* to, const StridedBox& from_box, const StridedBox& to_box)
      : from(from), to(to), rank(from_box.rank) {
    for (int axis = 0; axis < rank; ++axis) {
      lengths[axis] = Divider<Index>(std::max<int64_t>(from_box.lengths[axis], 1));
      from_steps[axis] = from_box.steps[axis], to_steps[axis] = to_box.steps[axis];
    }
  }
  __device__ void operator()(int64_t i) const {
    int64_t read = 0, write = 0;
    auto left = static_cast<Index>(i);
#pragma unroll
    for (int axis = Shape::max_rank - 1; axis >= 0; --axis) {
      if (axis >= rank) continue;
      Division<Index> place = lengths[axis](left);
      int64_t at = axis == 0 ? left : place.remainder;
      read += at * from_steps[axis];
      write += at * to_steps[axis];
      left = place.quotient;
    }
    to[write] = from[read];
  }
};

template <class T>
void copy_boxes(const Context& context, const T* from, T* to, const StridedBox& from_box,
                const StridedBox& to_box) {
  int64_t count = from_box.elements();
  if (count < int64_t{1} << 31)
    for_each(context, count, CopyBody<T, uint32_t>(from, to, from_box, to_box));
  else
    for_each(context, count, CopyBody<T, int64_t>(from, to, from_box, to_box));
}

bool is_multiple(const StridedBox& box, int64_t width) {
  if (box.rank == 0 || box.steps[box.rank - 1] != 1 || box.lengths[box.rank - 1] % width != 0) return false;
  for (int axis = 0; axis < box.rank - 1; ++axis)
    if (box.steps[axis] % width != 0) return false;
  return true;
}

StridedBox in_words(StridedBox box, int64_t width) {
  for (int axis = 0; axis < box.rank - 1; ++axis) box.steps[axis] /= width;
  box.lengths[box.rank - 1] /= width;
  return box;
}

bool is_aligned(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % sizeof(uint4) == 0;
}

}  // namespace

void strided_copy(const Tensor& from, const StridedCopy& copy, const Tensor& to) {
  visit_bits(from.dtype(), [&](auto zero) {
    using T = decltype(zero);
    constexpr int64_t width = sizeof(uint4) / sizeof(T);
    const T* read = from.bits<T>() + copy.from_first;
    T* write = to.mutable_bits<T>() + copy.to_first;
    if (is_multiple(copy.from, width) && is_multiple(copy.to, width) && is_aligned(read) &&
        is_aligned(write)) {
      copy_boxes(context_of(from), reinterpret_cast<const uint4*>(read), reinterpret_cast<uint4*>(write),
                 in_words(copy.from, width), in_words(copy.to, width));
    } else {
      copy_boxes(context_of(from), read, write, copy.from, copy.to);
    }
  });
}

}  // namespace manul::cuda
