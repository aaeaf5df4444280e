#include "manul/ops/dense/heads_matmul.h"

#include "manul/framework/cuda/blas.h"
#include "manul/ops/dense/batch_product_cuda.h"

namespace manul::cuda {
namespace {

/// The matrices of x [B, T, H, D], or of [B, H, T, S].
struct HeadMatrices {
  int64_t rows, columns, batch_step, head_step, row_step;
};
HeadMatrices side_by_side(const Shape& s) {
  return {s[1], s[3], s[1] * s[2] * s[3], s[3], s[2] * s[3]};
}
HeadMatrices apart(const Shape& s) {
  return {s[2], s[3], s[1] * s[2] * s[3], s[2] * s[3], s[3]};
}

struct HeadProduct {
  int64_t batch, heads;
  HeadMatrices a, b, y;
  bool across_a, across_b;
  int64_t inner() const { return across_a ? a.rows : a.columns; }
};

/// One call of cuBLAS takes matrices at equal steps: those of a head in all samples, or of a sample with all
/// heads.
bool by_blas(const HeadProduct& p, const Tensor& a, const Tensor& b, double factor, const Tensor& y) {
  constexpr int64_t most_calls = 32;
  bool by_head = p.heads <= p.batch;
  int64_t calls = by_head ? p.heads : p.batch;
  if (calls > most_calls) return false;
  auto steps = [&](const HeadMatrices& m) {
    return BlasProduct::Steps{by_head ? m.batch_step : m.head_step, m.row_step};
  };
  BlasProduct product{by_head ? p.batch : p.heads,
                      p.y.rows,
                      p.y.columns,
                      p.inner(),
                      p.across_a,
                      p.across_b,
                      y.dtype(),
                      steps(p.a),
                      steps(p.b),
                      steps(p.y),
                      static_cast<float>(factor)};
  for (int64_t call = 0; call < calls; ++call) {
    auto bytes = [&](const HeadMatrices& m) {
      return call * (by_head ? m.head_step : m.batch_step) * size_of(y.dtype());
    };
    const auto* left = static_cast<const std::byte*>(a.raw_data()) + bytes(p.a);
    const auto* right = static_cast<const std::byte*>(b.raw_data()) + bytes(p.b);
    if (!blas_product(product, left, right, static_cast<std::byte*>(y.raw()) + bytes(p.y), y.device()))
      return false;
  }
  return true;
}

template <class T>
Batch<T> batch_of(T* data, const HeadMatrices& m, int64_t heads) {
  return {data, m.batch_step, m.row_step, 1, heads, m.head_step};
}

}  // namespace

void heads_matmul(const Tensor& a, const Tensor& b, Transpose transpose, double factor, const Tensor& y) {
  if (y.elements() == 0) return;
  bool scores = transpose == Transpose::b;
  HeadProduct p{a.shape()[0],
                b.shape()[2],
                scores ? side_by_side(a.shape()) : apart(a.shape()),
                side_by_side(b.shape()),
                scores ? apart(y.shape()) : side_by_side(y.shape()),
                transpose == Transpose::a,
                scores};
  bool is_large = p.y.rows * p.y.columns * p.inner() >= least_for_blas;
  bool has_blas = y.dtype() == DType::bf16 || (y.dtype() == DType::f32 && is_large);
  if (has_blas && a.elements() > 0 && by_blas(p, a, b, factor, y)) return;
  if (y.dtype() == DType::bf16) return call_in_f32(heads_matmul, a, b, transpose, factor, y);
  visit_float(y.dtype(), "heads_matmul", [&](auto zero) {
    using T = decltype(zero);
    auto left = batch_of(a.data<T>(), p.a, p.heads), right = batch_of(b.data<T>(), p.b, p.heads);
    batch_product(context_of(y), p.batch * p.heads, p.y.rows, p.y.columns, p.inner(), static_cast<T>(factor),
                  p.across_a ? left.transposed() : left, p.across_b ? right.transposed() : right,
                  batch_of(y.mutable_data<T>(), p.y, p.heads));
  });
}

}  // namespace manul::cuda
