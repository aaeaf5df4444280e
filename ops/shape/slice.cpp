#include "manul/ops/shape/slice.h"

#include <numeric>

#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/ops/shape/reshape.h"
#include "manul/ops/shape/strided_copy.h"

namespace manul {
namespace {

void check_inside(const Shape& whole, const std::vector<int64_t>& begin, const Shape& lengths) {
  int rank = whole.rank();
  check(static_cast<int>(begin.size()) == rank && lengths.rank() == rank,
        "slice: {} has {} axes, but {} beginnings and {} lengths are given", whole, rank, begin.size(),
        lengths.rank());
  for (int axis = 0; axis < rank; ++axis)
    check(begin[axis] >= 0 && begin[axis] <= whole[axis] - lengths[axis],
          "slice: {} elements from {} on leave axis {} of {}", lengths[axis], begin[axis], axis, whole);
}

}  // namespace

Tensor slice(const Tensor& x, const std::vector<int64_t>& begin, const Shape& lengths) {
  check_inside(x.shape(), begin, lengths);
  StridedCopy copy = copy_from_region(x.shape(), begin, lengths);
  bool in_one_piece = copy.from.rank == 0 || (copy.from.rank == 1 && copy.from.steps[0] == 1);
  Tensor y;
  if (in_one_piece && lengths.elements() > 0) {
    y = x.range(copy.from_first, lengths);
  } else {
    y = Tensor::empty(lengths, x.dtype(), x.device());
    strided_copy_kernel(x, copy, y);
  }
  if (Tape* tape = Tape::recording({&x}))
    tape->record("slice", y, {x}, [whole = x.shape(), begin](const Tensor& dy, Gradients& gradients) {
      Tensor dx = gradients.target(0);
      if (dx.elements() != dy.elements()) dx.fill_zero();
      strided_copy_kernel(dy, copy_to_region(whole, begin, dy.shape()), dx);
    });
  return y;
}

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  int at = axis_of("slice", axis, x.shape().rank());
  int64_t length = x.shape()[at];
  int64_t first = begin < 0 ? begin + length : begin, last = end < 0 ? end + length : end;
  check(first >= 0 && first <= last && last <= length, "slice: {} to {} leaves axis {} of {}", begin, end,
        axis, x.shape());
  std::vector<int64_t> beginnings(x.shape().rank(), 0);
  beginnings[at] = first;
  return slice(x, beginnings, with_length(x.shape(), at, last - first));
}

std::vector<Tensor> split(const Tensor& x, const std::vector<int64_t>& lengths, int axis) {
  int at = axis_of("split", axis, x.shape().rank());
  int64_t all = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  check(all == x.shape()[at], "split: the parts have {} elements along axis {} of {}", all, axis, x.shape());
  std::vector<Tensor> parts;
  int64_t begin = 0;
  for (int64_t length : lengths) {
    parts.push_back(slice(x, at, begin, begin + length));
    begin += length;
  }
  return parts;
}

std::vector<Tensor> split(const Tensor& x, int parts, int axis) {
  int at = axis_of("split", axis, x.shape().rank());
  check(parts > 0 && x.shape()[at] % parts == 0, "split: axis {} of {} does not divide into {} parts", axis,
        x.shape(), parts);
  return split(x, std::vector<int64_t>(parts, x.shape()[at] / parts), at);
}

}  // namespace manul
