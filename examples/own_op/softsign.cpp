#include "softsign.h"

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"

namespace mine {

Tensor softsign(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  softsign_kernel(x, y);
  if (manul::Tape* tape = manul::Tape::recording({&x}))
    tape->record("softsign", y, {x}, [x](const Tensor& dy, manul::Gradients& gradients) {
      softsign_backward_kernel(x, dy, gradients.target(0));
    });
  return y;
}

namespace cpu {
constexpr int64_t grain = 1 << 14;  // elements a thread takes at a time

void softsign(const Tensor& x, const Tensor& y) {
  manul::visit_float(x.dtype(), "softsign", [&]<class T>(T) {
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    manul::cpu::parallel_for(x.elements(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = softsign_of(from[i]);
    });
  });
}

void softsign_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) {
  manul::visit_float(x.dtype(), "softsign_backward", [&]<class T>(T) {
    const T *from = x.data<T>(), *above = dy.data<T>();
    T* to = dx.mutable_data<T>();
    manul::cpu::parallel_for(x.elements(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = above[i] * softsign_derivative(from[i]);
    });
  });
}
}  // namespace cpu

}  // namespace mine
