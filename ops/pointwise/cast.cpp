#include <algorithm>

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

void cpu::cast(const Tensor& x, const Tensor& y) {
  visit_dtype(x.dtype(), [&]<class From>(From) {
    visit_float(y.dtype(), "cast", [&]<class To>(To) {
      parallel_for(x.elements(), elements_a_part,
                   [from = x.data<From>(), to = y.mutable_data<To>()](int64_t begin, int64_t end) {
                     std::transform(from + begin, from + end, to + begin,
                                    [](From value) { return static_cast<To>(value); });
                   });
    });
  });
}

}  // namespace manul
