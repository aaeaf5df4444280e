#include "manul/framework/cuda/launch.h"
#include "manul/ops/shape/strided_copy.h"

namespace manul::cuda {
namespace {

template <class T>
struct CopyBody {
  const T* from;
  T* to;
  StridedBox from_box, to_box;
  __device__ void operator()(int64_t i) const { to[to_box.offset(i)] = from[from_box.offset(i)]; }
};

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
      CopyBody<uint4> body{reinterpret_cast<const uint4*>(read), reinterpret_cast<uint4*>(write),
                           in_words(copy.from, width), in_words(copy.to, width)};
      for_each(context_of(from), copy.from.elements() / width, body);
    } else {
      for_each(context_of(from), copy.from.elements(), CopyBody<T>{read, write, copy.from, copy.to});
    }
  });
}

}  // namespace manul::cuda
