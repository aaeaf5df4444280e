#include "manul/ops/fused/dense_loss.h"

#include "manul/framework/tape.h"
#include "manul/ops/dense/dense_operands.h"
#include "manul/ops/dense/matmul.h"

namespace manul {
namespace {

constexpr int64_t most_units = 4, most_rows = 4096;

}  // namespace

bool dense_loss_pays(const Tensor& x, int64_t units) {
  return x.device().is_cuda() && x.shape().rank() == 2 && units <= most_units && x.shape()[0] <= most_rows;
}

DenseLoss dense_loss(Loss loss, const Tensor& x, const Tensor& kernel, const Tensor& bias,
                     const Tensor& labels) {
  Tape* tape = Tape::recording({&x, &kernel, &bias});
  if (!tape || kernel.shape().rank() != 2 || kernel.shape()[1] > most_units) {
    Tensor logits = dense(x, kernel, bias);
    return {loss_from_logits(loss, logits, labels), logits};
  }
  check_dense_operands("dense_loss", x, kernel, bias);
  Tensor logits = Tensor::empty({x.shape()[0], kernel.shape()[1]}, x.dtype(), x.device());
  check_labels(loss, logits, labels);
  Tensor value = Tensor::empty({}, compute_dtype(x.dtype()), x.device()),
         dlogits = Tensor::empty_like(logits);
  std::vector<Tensor> inputs{x, kernel, bias}, at_one;
  for (const Tensor& input : inputs) at_one.push_back(tape->gradient_memory(input));
  dense_loss_kernel(loss, x, kernel, bias, labels, value, logits, dlogits, at_one[0], at_one[1], at_one[2]);
  auto scaled = [x, kernel, dlogits](const Tensor& dloss, Gradients& gradients) {
    Tensor dz = Tensor::empty_like(dlogits), targets[3];
    loss_backward_kernel(dlogits, dloss, dz);
    for (int i = 0; i < 3; ++i)
      if (gradients.needed(i)) targets[i] = gradients.target(i);
    dense_backward_kernel(x, kernel, Activation::linear, Tensor(), dz, Tensor(), targets[0], targets[1],
                          targets[2], nullptr);
  };
  tape->record("dense_loss", value, inputs, scaled, at_one);
  return {value, logits};
}

void cpu::dense_loss(Loss loss, const Tensor& x, const Tensor& kernel, const Tensor& bias,
                     const Tensor& labels, const Tensor& value, const Tensor& logits, const Tensor& dlogits,
                     const Tensor& dx, const Tensor& dkernel, const Tensor& dbias) {
  dense_forward(x, kernel, bias, Activation::linear, logits);
  cpu::loss(loss, true, logits, labels, {}, value, dlogits);
  dense_backward(x, kernel, Activation::linear, {}, dlogits, {}, dx, dkernel, dbias, nullptr);
}

}  // namespace manul
