#pragma once

#include <compare>
#include <cstdint>

#include "manul/framework/tensor.h"

// The wall before cuBLAS: matrix products in f32 or bf16.
namespace manul::cuda {

/// What is done to a product before it is written.
enum class Epilogue { none, bias, bias_relu };

/// y [M, N] = op(a) · op(b), row-major, where op transposes: a is [M, K] or, transposed, [K, M]; b is [K, N]
/// or [N, K]. With an axis in front of all three it is a batch of products. bias [N] is added and relu
/// applied as `epilogue` says, after an `addend` [M, N], if there is one, was added. All are f32, or bf16
/// with sums in f32. Always the same algorithm for the same shapes, without unordered sums. True f32, or TF32
/// if that was asked for. False, and nothing is done, if cuBLAS has no algorithm for the shape with this
/// epilogue. Throws ErrorKind::device.
bool blas_product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b, Epilogue epilogue,
                  const Tensor& bias, const Tensor& y, const Tensor& addend = {});

/// A batch of products of matrices that need not lie one behind the other, nor be several: y[i] = factor *
/// op(a[i]) · op(b[i]), each with the same bias [N] added if there is one.
struct BlasProduct {
  /// How far one matrix and one row of it lie from the next, in elements.
  struct Steps {
    int64_t matrix, row;
    auto operator<=>(const Steps&) const = default;
  };
  int64_t count, rows, columns, inner;
  bool transpose_a, transpose_b;
  DType dtype;
  Steps a, b, y;
  float factor = 1;
};
/// The same on the GPU that `device` names.
bool blas_product(const BlasProduct& product, const void* a, const void* b, void* y, Device device,
                  const void* bias = nullptr);

/// "13.0.1" of the library that is loaded for it.
std::string blas_version();

}  // namespace manul::cuda
