#pragma once

#include <string_view>

#include "manul/framework/error.h"
#include "manul/framework/tensor.h"

namespace manul {

/// Throws, naming `operation`, unless x [batch, in], kernel [in, units] and bias [units] or undefined go
/// together.
inline void check_dense_operands(std::string_view operation, const Tensor& x, const Tensor& kernel,
                                 const Tensor& bias) {
  check(x.shape().rank() == 2 && kernel.shape().rank() == 2 && x.shape()[1] == kernel.shape()[0],
        "{}: input {} does not fit kernel {} (want [batch, in] and [in, units])", operation, x.shape(),
        kernel.shape());
  check(!bias.defined() || bias.shape() == Shape{kernel.shape()[1]},
        "{}: bias {} does not fit kernel {} (want [units])", operation,
        bias.defined() ? bias.shape() : Shape{}, kernel.shape());
  check(x.dtype() == kernel.dtype() && (!bias.defined() || bias.dtype() == kernel.dtype()),
        "{}: input {} does not go with kernel {}", operation, name_of(x.dtype()), name_of(kernel.dtype()));
}

}  // namespace manul
