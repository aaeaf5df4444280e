#include "manul/ops/pointwise/where.h"

#include "manul/framework/cpu/eigen.h"
#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {
namespace {

/// Repeated to `shape`, with the gradient of an addition.
Tensor repeat_to(const Tensor& x, const Shape& shape) {
  return x.shape() == shape ? x : add(Tensor::zeros(shape, x.dtype(), x.device()), x);
}

}  // namespace

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check(a.dtype() == b.dtype(), "where: {} does not go with {}", name_of(a.dtype()), name_of(b.dtype()));
  Shape shape = condition.shape();
  for (const Tensor* x : {&a, &b})
    if (x->elements() > shape.elements()) shape = x->shape();
  Tensor mask = repeat_to(condition.dtype() == a.dtype() ? condition : cast(condition, a.dtype()), shape);
  Tensor chosen = repeat_to(a, shape), other = repeat_to(b, shape);
  Tensor y = Tensor::empty_like(chosen);
  where_kernel(mask, chosen, other, y);
  if (Tape* tape = Tape::recording({&chosen, &other}))
    tape->record("where", y, {chosen, other}, [mask](const Tensor& dy, Gradients& gradients) {
      if (gradients.needed(0)) where_kernel(mask, dy, Tensor(), gradients.target(0));
      if (gradients.needed(1)) where_kernel(mask, Tensor(), dy, gradients.target(1));
    });
  return y;
}

void cpu::where(const Tensor& condition, const Tensor& a, const Tensor& b, const Tensor& y) {
  visit_float(y.dtype(), "where", [&]<class T>(T) {
    using X = Vector<T>;
    const T *mask = condition.data<T>(), *one = (a.defined() ? a : b).data<T>();
    T* to = y.mutable_data<T>();
    if (a.defined() && b.defined())
      map<T>(
          y.elements(), [](X m, X p, X q) { return m != T(0) ? p : q; }, to, mask, one, b.data<T>());
    else if (a.defined())
      map<T>(
          y.elements(), [](X m, X p) { return m != T(0) ? p : X{}; }, to, mask, one);
    else
      map<T>(
          y.elements(), [](X m, X q) { return m != T(0) ? X{} : q; }, to, mask, one);
  });
}

}  // namespace manul
