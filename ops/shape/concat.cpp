#include "manul/ops/shape/concat.h"

#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/ops/shape/reshape.h"
#include "manul/ops/shape/strided_copy.h"

namespace manul {

Tensor concat(const std::vector<Tensor>& parts, int axis) {
  check(!parts.empty(), "concat: there is nothing to put together");
  const Tensor& first = parts[0];
  int at = axis_of("concat", axis, first.shape().rank());
  int64_t length = 0;
  for (const Tensor& part : parts) {
    bool fits = part.shape().rank() == first.shape().rank() && part.dtype() == first.dtype() &&
                with_length(part.shape(), at, 0) == with_length(first.shape(), at, 0);
    check(fits, "concat: {} of {} does not go with {} of {} along axis {}", part.shape(),
          name_of(part.dtype()), first.shape(), name_of(first.dtype()), axis);
    length += part.shape()[at];
  }
  Tensor y = Tensor::empty(with_length(first.shape(), at, length), first.dtype(), first.device());
  std::vector<int64_t> begin(first.shape().rank(), 0);
  for (const Tensor& part : parts) {
    strided_copy_kernel(part, copy_to_region(y.shape(), begin, part.shape()), y);
    begin[at] += part.shape()[at];
  }
  if (Tape* tape = Tape::recording(parts)) {
    std::vector<Shape> shapes;
    for (const Tensor& part : parts) shapes.push_back(part.shape());
    tape->record("concat", y, parts, [shapes, at](const Tensor& dy, Gradients& gradients) {
      std::vector<int64_t> begin(dy.shape().rank(), 0);
      for (size_t i = 0; i < shapes.size(); ++i) {
        int input = static_cast<int>(i);
        if (gradients.needed(input))
          strided_copy_kernel(dy, copy_from_region(dy.shape(), begin, shapes[i]), gradients.target(input));
        begin[at] += shapes[i][at];
      }
    });
  }
  return y;
}

Tensor stack(const std::vector<Tensor>& parts, int axis) {
  check(!parts.empty(), "stack: there is nothing to put together");
  int at = axis_of("stack", axis, parts[0].shape().rank() + 1);
  std::vector<Tensor> expanded;
  for (const Tensor& part : parts) {
    check(part.shape() == parts[0].shape(), "stack: {} does not go with {}", part.shape(), parts[0].shape());
    expanded.push_back(expand_dims(part, at));
  }
  return concat(expanded, at);
}

}  // namespace manul
