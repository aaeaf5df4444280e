#pragma once

#include "manul/ops/pointwise/pointwise.h"

// Dense layers in f32 whose input and units are multiples of four, by kernels of our own.
namespace manul::cuda {

/// dense_forward (see matmul.h). False, and nothing is done, if the tensors do not fit: another dtype,
/// lengths that are no multiples of four, or a GPU before compute capability 8.0.
bool panel_dense_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, Activation activation,
                         const Tensor& y);

/// dense_backward (see matmul.h), in one launch. False, and nothing is done, as above.
bool panel_dense_backward(const Tensor& x, const Tensor& kernel, Activation activation, const Tensor& y,
                          const Tensor& dy, const Tensor& dx, const Tensor& dkernel, const Tensor& dbias);

}  // namespace manul::cuda
