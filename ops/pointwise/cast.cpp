#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  check(dtype == DType::f32 || dtype == DType::f64, "cast: to f32 and f64, not to {}", name_of(dtype));
  Tensor y = Tensor::empty(x.shape(), dtype, x.device());
  cast_kernel(x, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("cast", y, {x},
                 [](const Tensor& dy, Gradients& gradients) { cast_kernel(dy, gradients.target(0)); });
  return y;
}

namespace cpu {

void cast(const Tensor& x, const Tensor& y) {
  visit_dtype(x.dtype(), [&](auto from_zero) {
    visit_float(y.dtype(), "cast", [&](auto to_zero) {
      using To = decltype(to_zero);
      const auto* from = x.data<decltype(from_zero)>();
      To* to = y.mutable_data<To>();
      parallel_for(x.elements(), 1 << 14, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) to[i] = static_cast<To>(from[i]);
      });
    });
  });
}

}  // namespace cpu
}  // namespace manul
