#include "manul/ops/pool/pool2d.h"

#include "manul/framework/tape.h"
#include "manul/ops/geometry/pad2d.h"

namespace manul {
namespace {

Tensor empty_output(const Tensor& x, const WindowGeometry& geometry) {
  return Tensor::empty({geometry.batch, geometry.output[0], geometry.output[1], geometry.channels}, x.dtype(),
                       x.device());
}

}  // namespace

Window2D pool_window(const Pool2DOptions& options) {
  Window2D window{options.pool, options.strides, options.padding, {1, 1}, options.borders};
  for (int axis = 0; axis < 2; ++axis)
    if (window.strides[axis] == 0) window.strides[axis] = options.pool[axis];
  return window;
}

Tensor max_pool2d(const Tensor& x, const Pool2DOptions& options) {
  if (options.borders != Borders2D(0) && x.device().is_cpu()) {
    Pool2DOptions inside = options;
    inside.borders = 0;
    return max_pool2d(zero_pad2d(x, options.borders.rows, options.borders.columns), inside);
  }
  WindowGeometry geometry = lay_window("max_pool2d", x.shape(), pool_window(options));
  Tensor y = empty_output(x, geometry), winners;
  Tape* tape = Tape::recording({&x});
  if (tape && x.device().is_cuda())
    winners = Tensor::empty(y.shape(), geometry.size[0] * geometry.size[1] <= 256 ? DType::u8 : DType::i32,
                            x.device());
  max_pool2d_forward_kernel(x, geometry, y, winners);
  if (!tape) return y;
  Tensor seen = winners.defined() ? Tensor() : x, best = winners.defined() ? Tensor() : y;
  tape->record("max_pool2d", y, {x}, [seen, best, winners, geometry](const Tensor& dy, Gradients& gradients) {
    Tensor sum = gradients.sum(0);
    max_pool2d_backward_kernel(seen, best, winners, dy, geometry, sum.defined(),
                               sum.defined() ? sum : gradients.target(0));
  });
  return y;
}

Tensor average_pool2d(const Tensor& x, const Pool2DOptions& options) {
  check(options.borders == Borders2D(0),
        "average_pool2d: borders of zeros are for max_pool2d; pad its input");
  WindowGeometry geometry = lay_window("average_pool2d", x.shape(), pool_window(options));
  Tensor y = empty_output(x, geometry);
  average_pool2d_forward_kernel(x, geometry, y);
  if (Tape* tape = Tape::recording({&x})) {
    tape->record("average_pool2d", y, {x}, [geometry](const Tensor& dy, Gradients& gradients) {
      average_pool2d_backward_kernel(dy, geometry, gradients.target(0));
    });
  }
  return y;
}

Tensor global_max_pool2d(const Tensor& x) {
  const Shape& shape = x.shape();
  check(shape.rank() == 4 && shape[1] > 0 && shape[2] > 0,
        "global_max_pool2d: input {} is not [batch, height, width, channels]", shape);
  Tensor y = Tensor::empty({shape[0], shape[3]}, x.dtype(), x.device());
  global_max_pool_forward_kernel(x, y);
  if (Tape* tape = Tape::recording({&x})) {
    tape->record("global_max_pool2d", y, {x}, [x, y](const Tensor& dy, Gradients& gradients) {
      global_max_pool_backward_kernel(x, y, dy, gradients.target(0));
    });
  }
  return y;
}

Tensor global_average_pool2d(const Tensor& x) {
  const Shape& shape = x.shape();
  check(shape.rank() == 4, "global_average_pool2d: input {} is not [batch, height, width, channels]", shape);
  WindowGeometry geometry = lay_window("global_average_pool2d", shape, {.size = {shape[1], shape[2]}});
  Tensor y = Tensor::empty({geometry.batch, geometry.channels}, x.dtype(), x.device());
  average_pool2d_forward_kernel(x, geometry, y);
  if (Tape* tape = Tape::recording({&x})) {
    tape->record("global_average_pool2d", y, {x}, [geometry](const Tensor& dy, Gradients& gradients) {
      average_pool2d_backward_kernel(dy, geometry, gradients.target(0));
    });
  }
  return y;
}

}  // namespace manul
