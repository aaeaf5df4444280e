#include "manul/ops/normalize/unit_normalize.h"

#include <algorithm>
#include <cmath>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/normalize/unit_normalize_function.h"

namespace manul {

Tensor unit_normalize(const Tensor& x, AxisRange axes) {
  AxisBlocks blocks("unit_normalize", x.shape(), axes);
  Tensor y = Tensor::empty_like(x);
  if (x.elements() > 0) unit_normalize_forward_kernel(x, blocks, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("unit_normalize", y, {x}, [x, blocks](const Tensor& dy, Gradients& gradients) {
      Tensor dx = gradients.target(0);
      if (dx.elements() > 0) unit_normalize_backward_kernel(x, dy, blocks, dx);
    });
  return y;
}

namespace cpu {
namespace {

/// Calls line(first element) for all lines of elements that are normalized together, on all threads; the next
/// element of a line lies `blocks.behind` further on.
template <class Line>
void for_lines(const AxisBlocks& blocks, const Line& line) {
  for_rows(blocks.before * blocks.behind, blocks.inside, [&, behind = blocks.behind](int64_t i) {
    line(i / behind * behind * blocks.inside + i % behind);
  });
}

}  // namespace

void unit_normalize_forward(const Tensor& x, const AxisBlocks& blocks, const Tensor& y) {
  visit_float(x.dtype(), "unit_normalize", [&]<class T>(T) {
    for_lines(blocks, [&, from = x.data<T>(), to = y.mutable_data<T>()](int64_t first) {
      int64_t step = blocks.behind, end = first + blocks.inside * step;
      double squares = 0;
      for (int64_t i = first; i < end; i += step) squares += static_cast<double>(from[i]) * from[i];
      T factor = static_cast<T>(1 / unit_norm(squares));
      for (int64_t i = first; i < end; i += step) to[i] = from[i] * factor;
    });
  });
}

void unit_normalize_backward(const Tensor& x, const Tensor& dy, const AxisBlocks& blocks, const Tensor& dx) {
  visit_float(x.dtype(), "unit_normalize", [&]<class T>(T) {
    for_lines(blocks,
              [&, from = x.data<T>(), arrived = dy.data<T>(), to = dx.mutable_data<T>()](int64_t first) {
                int64_t step = blocks.behind, end = first + blocks.inside * step;
                double squares = 0, product = 0;
                for (int64_t i = first; i < end; i += step) {
                  squares += static_cast<double>(from[i]) * from[i];
                  product += static_cast<double>(from[i]) * arrived[i];
                }
                UnitGradient gradient(squares, product);
                T factor = static_cast<T>(gradient.factor), along = static_cast<T>(gradient.along);
                for (int64_t i = first; i < end; i += step) to[i] = factor * arrived[i] - along * from[i];
              });
  });
}

}  // namespace cpu
}  // namespace manul
