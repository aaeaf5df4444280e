#include <gtest/gtest.h>

#include "manul/ops/dense/matmul.h"
#include "manul/ops/fused/conv_relu_pool.h"

// The compile options of the vector kernels reach them: where the processor multiplies and adds at once, so
// do they, in one rounding.
namespace manul {
namespace {

#ifdef __FMA__

// -fl(a a) + a a in this order is what the rounding took; with two roundings it is 0.
constexpr float a = 1 + 1.f / 4096, rounded = a * a;
constexpr float left[] = {-1, a}, right[] = {rounded, a};
constexpr float rest = 1.f / 4096 / 4096;

TEST(FusedArithmetic, IsInTheProductOfTiles) {
  constexpr int64_t n = 64;
  std::vector<float> x(n * n), y(n * n);
  for (int64_t i = 0; i < n; ++i)
    for (int k = 0; k < 2; ++k) x[i * n + k] = left[k], y[k * n + i] = right[k];
  EXPECT_EQ(matmul(Tensor::from(x, {n, n}), Tensor::from(y, {n, n})).to_vector<float>(),
            std::vector<float>(n * n, rest));
}

TEST(FusedArithmetic, IsInTheConvolutionWithPooling) {
  constexpr int64_t side = 16;
  std::vector<float> x(side * side * 2);
  for (size_t i = 0; i < x.size(); ++i) x[i] = left[i % 2];
  Tensor kernel = Tensor::from(std::vector<float>{right[0], right[1]}, {1, 1, 1, 2});
  Tensor y = conv_relu_pool(Tensor::from(x, {1, side, side, 2}), kernel, Tensor(), {}, {});
  EXPECT_EQ(y.to_vector<float>(), std::vector<float>(y.elements(), rest));
}

#endif

}  // namespace
}  // namespace manul
