#include "manul/framework/elementary.h"
#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  check(is_float(dtype), "cast: to f32, f64 and bf16, not to {}", name_of(dtype));
  Tensor y = x.to(dtype);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("cast", y, {x},
                 [](const Tensor& dy, Gradients& gradients) { convert_kernel(dy, gradients.target(0)); });
  return y;
}

}  // namespace manul
