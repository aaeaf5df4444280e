#include "manul/framework/cuda/elementwise.h"
#include "softsign.h"

void mine::cuda::softsign(const Tensor& x, const Tensor& y) {
  manul::cuda::elementwise(Softsign{}, y, x);
}
void mine::cuda::softsign_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) {
  manul::cuda::elementwise(SoftsignBackward{}, dx, x, dy);
}
