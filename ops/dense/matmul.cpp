#include "manul/ops/dense/matmul.h"

#include <algorithm>

#include "manul/framework/cpu/column_sums.h"
#include "manul/framework/cpu/eigen.h"
#include "manul/framework/cpu/product.h"
#include "manul/framework/elementary.h"
#include "manul/framework/tape.h"
#include "manul/ops/dense/batch_matmul.h"
#include "manul/ops/dense/dense_activation.h"
#include "manul/ops/dense/dense_operands.h"

namespace manul {

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (a.shape().rank() > 2 || b.shape().rank() > 2) return batch_matmul(a, b);
  check(a.shape().rank() == 2 && b.shape().rank() == 2 && a.shape()[1] == b.shape()[0],
        "matmul: {} does not go with {} (want [M, K] and [K, N])", a.shape(), b.shape());
  check(a.dtype() == b.dtype(), "matmul: {} does not go with {}", name_of(a.dtype()), name_of(b.dtype()));
  Tensor y = Tensor::empty({a.shape()[0], b.shape()[1]}, a.dtype(), a.device());
  matmul_kernel(a, b, Transpose::none, y);
  if (Tape* tape = Tape::recording({&a, &b}))
    tape->record("matmul", y, {a, b}, [a, b](const Tensor& dy, Gradients& gradients) {
      if (gradients.needed(0)) matmul_kernel(dy, b, Transpose::b, gradients.target(0));
      if (gradients.needed(1)) matmul_kernel(a, dy, Transpose::a, gradients.target(1));
    });
  return y;
}

Tensor dense(const Tensor& x, const Tensor& kernel, const Tensor& bias, Activation activation) {
  check_dense_operands("dense", x, kernel, bias);
  if (!is_fused_in_dense(activation)) return activate(dense(x, kernel, bias), activation);
  Tensor y = Tensor::empty({x.shape()[0], kernel.shape()[1]}, x.dtype(), x.device());
  dense_forward_kernel(x, kernel, bias, activation, y);
  if (Tape* tape = Tape::recording({&x, &kernel, &bias}))
    tape->record("dense", y, {x, kernel, bias},
                 [x, kernel, activation, y = activation == Activation::linear ? Tensor() : y](
                     const Tensor& dy, Gradients& gradients) {
                   const GradientTaker* kernel_taker = gradients.taker(1);
                   Tensor addend = gradients.needed(0) ? gradients.take(0) : Tensor();
                   Tensor targets[3];
                   for (int i = 0; i < 3; ++i)
                     if (gradients.needed(i) && !(i == 1 && kernel_taker)) targets[i] = gradients.target(i);
                   dense_backward_kernel(x, kernel, activation, y, dy, addend, targets[0], targets[1],
                                         targets[2], kernel_taker);
                 });
  return y;
}

namespace cpu {

void matmul(const Tensor& a, const Tensor& b, Transpose transpose, const Tensor& y) {
  visit_float(a.dtype(), "matmul", [&](auto zero) {
    using T = decltype(zero);
    ProductSize size{y.shape()[0], y.shape()[1], a.shape()[transpose == Transpose::a ? 0 : 1]};
    const T *left = a.data<T>(), *right = b.data<T>();
    T* to = y.mutable_data<T>();
    switch (transpose) {
      case Transpose::none:
        return product(size, left, right, to);
      case Transpose::a:
        return product_transposed_a(size, left, right, to);
      case Transpose::b:
        return product_transposed_b(size, left, right, to);
    }
  });
}

void dense_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, Activation activation,
                   const Tensor& y) {
  visit_float(x.dtype(), "dense", [&](auto zero) {
    using T = decltype(zero);
    int64_t units = y.shape()[1];
    T* to = y.mutable_data<T>();
    const T* offset = bias.defined() ? bias.data<T>() : nullptr;
    product({y.shape()[0], units, x.shape()[1]}, x.data<T>(), kernel.data<T>(), to);
    visit_fused<T>(activation, [&](auto function) {
      for (int64_t row = 0; row < y.shape()[0]; ++row)
        if (offset)
          map_range(
              units, [=](Vector<T> z, Vector<T> b) { return function.value(z + b); }, to + row * units,
              to + row * units, offset);
        else
          map_range(
              units, [=](Vector<T> z) { return function.value(z); }, to + row * units, to + row * units);
    });
  });
}

namespace {

/// dy * activation'(z), expressed by the output y.
Tensor activation_gradient(Activation activation, const Tensor& y, const Tensor& dy) {
  if (activation == Activation::linear) return dy;
  Tensor dz = Tensor::empty_like(dy);
  visit_float(dy.dtype(), "activation", [&](auto zero) {
    using T = decltype(zero);
    visit_fused<T>(activation, [&](auto function) {
      map<T>(
          y.elements(), [=](Vector<T> d, Vector<T> out) { return d * function.derivative(out); },
          dz.mutable_data<T>(), dy.data<T>(), y.data<T>());
    });
  });
  return dz;
}

}  // namespace

void dense_backward(const Tensor& x, const Tensor& kernel, Activation activation, const Tensor& y,
                    const Tensor& dy, const Tensor& addend, const Tensor& dx, const Tensor& dkernel,
                    const Tensor& dbias, const GradientTaker* kernel_taker) {
  Tensor dz = activation_gradient(activation, y, dy);
  if (kernel_taker)
    visit_float(dz.dtype(), "dense", [&](auto zero) {
      using T = decltype(zero);
      int64_t batch = x.shape()[0], inputs = x.shape()[1], units = dz.shape()[1];
      if (dx.defined())
        dense_gradients<T>({batch, inputs, units}, x.data<T>(), dz.data<T>(), kernel.data<T>(),
                           dx.mutable_data<T>(), *kernel_taker);
      else
        product_transposed_a<T>({inputs, units, batch}, x.data<T>(), dz.data<T>(), *kernel_taker);
    });
  else if (dx.defined())
    matmul(dz, kernel, Transpose::b, dx);
  if (dx.defined() && addend.defined()) accumulate(addend, dx);
  if (dkernel.defined()) matmul(x, dz, Transpose::a, dkernel);
  if (!dbias.defined()) return;
  visit_float(dz.dtype(), "dense", [&](auto zero) {
    using T = decltype(zero);
    const T* arrived = dz.data<T>();
    auto sums = column_sums(dz.shape()[0], dz.shape()[1],
                            [=](int64_t i, int64_t) { return static_cast<double>(arrived[i]); });
    std::copy(sums.begin(), sums.end(), dbias.mutable_data<T>());
  });
}

}  // namespace cpu
}  // namespace manul
