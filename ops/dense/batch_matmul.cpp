#include "manul/ops/dense/batch_matmul.h"

#include <algorithm>
#include <vector>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/product.h"
#include "manul/framework/tape.h"
#include "manul/ops/shape/broadcast.h"
#include "manul/ops/shape/reshape.h"

namespace manul {
namespace {

struct Matrices {
  Shape leading;
  int64_t rows, columns;
};

Matrices matrices_of(const Shape& shape, bool transposed) {
  check(shape.rank() >= 2, "matmul: {} is not a matrix", shape);
  Shape leading(std::span(shape.begin(), shape.end() - 2));
  int64_t rows = shape[-2], columns = shape[-1];
  return transposed ? Matrices{leading, columns, rows} : Matrices{leading, rows, columns};
}

Shape joined(const Shape& leading, int64_t rows, int64_t columns) {
  std::vector<int64_t> lengths(leading.begin(), leading.end());
  lengths.insert(lengths.end(), {rows, columns});
  return Shape(lengths);
}

/// x, repeated along `leading`, with one axis for all of them.
Tensor as_batch(const Tensor& x, const Shape& leading) {
  Tensor whole = broadcast_to(x, joined(leading, x.shape()[-2], x.shape()[-1]));
  return reshape(whole, {leading.elements(), x.shape()[-2], x.shape()[-1]});
}

/// The product of two batches of matrices.
Tensor product_of_batches(const Tensor& a, const Tensor& b, Transpose transpose, const Shape& shape) {
  Tensor y = Tensor::empty(shape, a.dtype(), a.device());
  batch_matmul_kernel(a, b, transpose, y);
  if (Tape* tape = Tape::recording({&a, &b}))
    tape->record("matmul", y, {a, b}, [a, b, transpose](const Tensor& dy, Gradients& gradients) {
      if (gradients.needed(0)) {
        if (transpose == Transpose::a)
          batch_matmul_kernel(b, dy, Transpose::b, gradients.target(0));
        else
          batch_matmul_kernel(dy, b, transpose == Transpose::b ? Transpose::none : Transpose::b,
                              gradients.target(0));
      }
      if (gradients.needed(1)) {
        if (transpose == Transpose::b)
          batch_matmul_kernel(dy, a, Transpose::a, gradients.target(1));
        else
          batch_matmul_kernel(a, dy, transpose == Transpose::a ? Transpose::none : Transpose::a,
                              gradients.target(1));
      }
    });
  return y;
}

}  // namespace

Tensor batch_matmul(const Tensor& a, const Tensor& b, Transpose transpose) {
  Matrices left = matrices_of(a.shape(), transpose == Transpose::a),
           right = matrices_of(b.shape(), transpose == Transpose::b);
  std::optional<Shape> leading = common_shape(left.leading, right.leading);
  check(left.columns == right.rows && leading.has_value(),
        "matmul: {} does not go with {} (want [.., M, K] and [.., K, N])", a.shape(), b.shape());
  check(a.dtype() == b.dtype(), "matmul: {} does not go with {}", name_of(a.dtype()), name_of(b.dtype()));
  if (b.shape().rank() == 2 && transpose == Transpose::none) {  // all rows with the same matrix
    Tensor y = matmul(reshape(a, {a.shape().rows(), a.shape()[-1]}), b);
    return reshape(y, joined(*leading, left.rows, right.columns));
  }
  Tensor y = product_of_batches(as_batch(a, *leading), as_batch(b, *leading), transpose,
                                {leading->elements(), left.rows, right.columns});
  return reshape(y, joined(*leading, left.rows, right.columns));
}

void cpu::batch_matmul(const Tensor& a, const Tensor& b, Transpose transpose, const Tensor& y) {
  visit_float(a.dtype(), "matmul", [&](auto zero) {
    using T = decltype(zero);
    ProductSize size{y.shape()[1], y.shape()[2], a.shape()[transpose == Transpose::a ? 1 : 2]};
    int64_t of_a = size.rows * size.inner, of_b = size.inner * size.columns, of_y = size.rows * size.columns;
    const T *left = a.data<T>(), *right = b.data<T>();
    T* to = y.mutable_data<T>();
    auto multiply = [=](int64_t i) {
      switch (transpose) {
        case Transpose::none:
          return product(size, left + i * of_a, right + i * of_b, to + i * of_y);
        case Transpose::a:
          return product_transposed_a(size, left + i * of_a, right + i * of_b, to + i * of_y);
        case Transpose::b:
          return product_transposed_b(size, left + i * of_a, right + i * of_b, to + i * of_y);
      }
    };
    // A product that is large enough shares its own work; many small ones are shared out whole.
    constexpr int64_t least_operations = 1 << 22;
    int64_t operations = of_y * size.inner;
    if (operations >= least_operations) {
      for (int64_t i = 0; i < y.shape()[0]; ++i) multiply(i);
      return;
    }
    int64_t grain = std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(operations, 1));
    parallel_for(y.shape()[0], grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) multiply(i);
    });
  });
}

}  // namespace manul
