#include "manul/ops/shape/reshape.h"

#include <vector>

#include "manul/framework/error.h"
#include "manul/framework/tape.h"

namespace manul {

Tensor reshape(const Tensor& x, const Shape& shape) {
  check(x.elements() == shape.elements(), "reshape: {} has {} elements, {} has {}", x.shape(), x.elements(),
        shape, shape.elements());
  Tensor y = x.view(shape);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("reshape", y, {x}, [before = x.shape()](const Tensor& dy, Gradients& gradients) {
      gradients.pass_on(0, dy.view(before));
    });
  return y;
}

Tensor flatten(const Tensor& x) {
  check(x.shape().rank() >= 1, "flatten: a scalar has no batch axis");
  return reshape(x, {x.shape()[0], x.shape().sample().elements()});
}

Tensor expand_dims(const Tensor& x, int axis) {
  int at = axis_of("expand_dims", axis, x.shape().rank() + 1);
  std::vector<int64_t> lengths(x.shape().begin(), x.shape().end());
  lengths.insert(lengths.begin() + at, 1);
  return reshape(x, Shape(lengths));
}

Tensor squeeze(const Tensor& x, int axis) {
  int at = axis_of("squeeze", axis, x.shape().rank());
  check(x.shape()[at] == 1, "squeeze: axis {} of {} has not the length 1", axis, x.shape());
  std::vector<int64_t> lengths(x.shape().begin(), x.shape().end());
  lengths.erase(lengths.begin() + at);
  return reshape(x, Shape(lengths));
}

int axis_of(std::string_view operation, int axis, int rank) {
  check(axis >= -rank && axis < rank, "{}: there is no axis {} among {}", operation, axis, rank);
  return axis < 0 ? axis + rank : axis;
}

Shape with_length(const Shape& shape, int axis, int64_t length) {
  std::vector<int64_t> lengths(shape.begin(), shape.end());
  lengths.at(axis) = length;
  return Shape(lengths);
}

}  // namespace manul
