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
MANUL_KERNEL(softsign_backward, void(const Tensor& x, const Tensor& dy, const Tensor& dx));

/// The formulas, for both devices: y of x, and dx = dy / (1 + |x|)².
struct Softsign {
  MANUL_HOST_DEVICE auto operator()(auto x) const { return x / (1 + std::abs(x)); }
};
struct SoftsignBackward {
  MANUL_HOST_DEVICE auto operator()(auto x, auto dy) const {
    return dy / ((1 + std::abs(x)) * (1 + std::abs(x)));
  }
};

}  // namespace mine
