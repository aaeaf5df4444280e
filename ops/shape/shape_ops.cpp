#include "manul/ops/shape/shape_ops.h"

#include <algorithm>
#include <array>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"

namespace manul {

Tensor reshape(const Tensor& x, const Shape& shape) {
  check(x.elements() == shape.elements(), "reshape: {} has {} elements, {} has {}", x.shape(), x.elements(),
        shape, shape.elements());
  Tensor y = x.view(shape);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("reshape", y, {x}, [before = x.shape()](const Tensor& dy, Gradients& gradients) {
      gradients.give(0, dy.view(before));
    });
  return y;
}

Tensor flatten(const Tensor& x) {
  check(x.shape().rank() >= 1, "flatten: a scalar has no batch axis");
  return reshape(x, {x.shape()[0], x.shape().sample().elements()});
}

Tensor transpose(const Tensor& x) {
  check(x.shape().rank() == 2, "transpose: {} is not a matrix", x.shape());
  Tensor y = Tensor::empty({x.shape()[1], x.shape()[0]}, x.dtype(), x.device());
  transpose_kernel(x, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("transpose", y, {x},
                 [](const Tensor& dy, Gradients& gradients) { transpose_kernel(dy, gradients.target(0)); });
  return y;
}

void cpu::transpose(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "transpose", [&](auto zero) {
    using T = decltype(zero);
    constexpr int64_t tile = 32;
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    int64_t rows = x.shape()[0], columns = x.shape()[1];
    parallel_for(columns, tile, [=](int64_t begin, int64_t end) {
      for (int64_t top = 0; top < rows; top += tile)
        for (int64_t column = begin; column < end; ++column)
          for (int64_t row = top; row < std::min(top + tile, rows); ++row)
            to[column * rows + row] = from[row * columns + column];
    });
  });
}

}  // namespace manul
