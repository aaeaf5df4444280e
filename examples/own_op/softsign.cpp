#include "softsign.h"

#include "manul/framework/cpu/elementwise.h"
#include "manul/framework/tape.h"

manul::Tensor mine::softsign(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  softsign_kernel(x, y);
  if (manul::Tape* tape = manul::Tape::recording({&x}))
    tape->record("softsign", y, {x}, [x](const Tensor& dy, manul::Gradients& gradients) {
      softsign_backward_kernel(x, dy, gradients.target(0));
    });
  return y;
}

void mine::cpu::softsign(const Tensor& x, const Tensor& y) {
  manul::cpu::elementwise(Softsign{}, y, x);
}
void mine::cpu::softsign_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) {
  manul::cpu::elementwise(SoftsignBackward{}, dx, x, dy);
}
