#include "manul/ops/reduce/reduce.h"

#include "manul/framework/cpu/column_sums.h"
#include "manul/framework/elementary.h"
#include "manul/framework/tape.h"

namespace manul {
namespace {

Tensor scaled_sum(const char* name, const Tensor& x, double scale) {
  Tensor y = Tensor::empty({}, x.dtype(), x.device());
  sum_kernel(x, scale, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record(name, y, {x}, [scale](const Tensor& dy, Gradients& gradients) {
      sum_backward_kernel(dy, scale, gradients.target(0));
    });
  return y;
}

}  // namespace

Tensor sum(const Tensor& x) {
  return scaled_sum("sum", x, 1);
}

Tensor mean(const Tensor& x) {
  check(x.elements() > 0, "mean: {} has no elements", x.shape());
  return scaled_sum("mean", x, 1.0 / static_cast<double>(x.elements()));
}

void cpu::sum(const Tensor& x, double scale, const Tensor& y) {
  visit_float(x.dtype(), "sum", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    auto total =
        column_sums(x.elements(), 1, [=](int64_t i, int64_t) { return static_cast<double>(from[i]); });
    *y.mutable_data<T>() = static_cast<T>(scale * total[0]);
  });
}

void cpu::sum_backward(const Tensor& dy, double scale, const Tensor& dx) {
  visit_float(dy.dtype(), "sum", [&](auto zero) {
    using T = decltype(zero);
    cpu::fill(scale * static_cast<double>(*dy.data<T>()), dx);
  });
}

}  // namespace manul
