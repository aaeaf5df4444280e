#include "manul/ops/shape/pad.h"

#include "manul/framework/elementary.h"
#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/ops/shape/strided_copy.h"

namespace manul {

Tensor pad(const Tensor& x, const std::vector<std::pair<int64_t, int64_t>>& widths, double value) {
  check(static_cast<int>(widths.size()) == x.shape().rank(), "pad: {} has {} axes, {} widths are given",
        x.shape(), x.shape().rank(), widths.size());
  std::vector<int64_t> begin, lengths;
  for (size_t axis = 0; axis < widths.size(); ++axis) {
    auto [before, behind] = widths[axis];
    check(before >= 0 && behind >= 0, "pad: a width of axis {} is negative: {}, {}", axis, before, behind);
    begin.push_back(before);
    lengths.push_back(before + x.shape()[static_cast<int>(axis)] + behind);
  }
  Tensor y = Tensor::full(Shape(lengths), value, x.dtype(), x.device());
  strided_copy_kernel(x, copy_to_region(y.shape(), begin, x.shape()), y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("pad", y, {x}, [begin](const Tensor& dy, Gradients& gradients) {
      Tensor dx = gradients.target(0);
      strided_copy_kernel(dy, copy_from_region(dy.shape(), begin, dx.shape()), dx);
    });
  return y;
}

}  // namespace manul
