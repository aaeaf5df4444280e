#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "manul/framework/tensor.h"

// The wall before cuDNN: two-dimensional convolutions in f32 or bf16, NHWC with OHWI kernels.
namespace manul::cuda {

/// A convolution with the same padding before and after, of tensors that all have this dtype.
struct ConvolutionShape {
  int64_t batch, channels, filters;
  std::array<int64_t, 2> input, output, size, strides, dilation, padding;
  int64_t groups = 1;
  DType dtype = DType::f32;
};

/// y = x * kernel; dx from dy; dkernel from x and dy. Always the same, deterministic algorithm for the same
/// shapes. True f32, or TF32 if that was asked for; sums of bf16 are in f32. False, and nothing is done, if
/// cuDNN has none. Throws ErrorKind::device.
bool dnn_forward(const ConvolutionShape& shape, const Tensor& x, const Tensor& kernel, const Tensor& y);
/// The same with bias [filters] added, an `addend` like y if there is one, and then relu if that is wanted,
/// in one pass; false where cuDNN has none for that.
bool dnn_forward_with_bias(const ConvolutionShape& shape, const Tensor& x, const Tensor& kernel,
                           const Tensor& bias, const Tensor& y, const Tensor& addend = {}, bool relu = false);
bool dnn_backward_input(const ConvolutionShape& shape, const Tensor& dy, const Tensor& kernel,
                        const Tensor& dx);
/// Adds to dx.
bool dnn_add_backward_input(const ConvolutionShape& shape, const Tensor& dy, const Tensor& kernel,
                            const Tensor& dx);
bool dnn_backward_kernel(const ConvolutionShape& shape, const Tensor& x, const Tensor& dy,
                         const Tensor& dkernel);

/// "9.14.0" of the library that is loaded for it.
std::string dnn_version();

}  // namespace manul::cuda
