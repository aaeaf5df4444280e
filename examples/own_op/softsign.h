#pragma once

#include <cmath>

#include "manul/framework/host_device.h"
#include "manul/framework/kernel.h"

namespace mine {

using manul::Tensor;

/// x / (1 + |x|), elementwise.
Tensor softsign(const Tensor& x);

/// One line a kernel: declares cpu::softsign, cuda::softsign and the slot softsign_kernel.
MANUL_KERNEL(softsign, void(const Tensor& x, const Tensor& y));
/// dx = dy / (1 + |x|)²
MANUL_KERNEL(softsign_backward, void(const Tensor& x, const Tensor& dy, const Tensor& dx));

/// The formulas, for both devices.
template <class T>
MANUL_HOST_DEVICE T softsign_of(T x) {
  return x / (1 + std::abs(x));
}
template <class T>
MANUL_HOST_DEVICE T softsign_derivative(T x) {
  T denominator = 1 + std::abs(x);
  return 1 / (denominator * denominator);
}

}  // namespace mine
