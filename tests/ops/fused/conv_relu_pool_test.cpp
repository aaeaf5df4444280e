#include "manul/ops/fused/conv_relu_pool.h"

#include <cmath>

#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(ConvReluPool, OpTest, testing::ValuesIn(conv_relu_pool_samples()), name_of_sample);

const ErrorSample conv_relu_pool_errors[] = {
    {"channels",
     [] {
       conv_relu_pool(Tensor::zeros({1, 9, 9, 3}), Tensor::zeros({4, 3, 3, 1}), Tensor(), {}, {});
     },
     "input [1, 9, 9, 3] does not fit kernel [4, 3, 3, 1]"},
    {"bias",
     [] {
       conv_relu_pool(Tensor::zeros({1, 9, 9, 3}), Tensor::zeros({4, 3, 3, 3}), Tensor::zeros({3}), {}, {});
     },
     "bias [3] does not fit kernel [4, 3, 3, 3]"},
    {"too_large",
     [] {
       conv_relu_pool(Tensor::zeros({1, 2, 9, 3}), Tensor::zeros({4, 3, 3, 3}), Tensor(), {}, {});
     },
     "window [3, 3] with dilation [1, 1] does not fit input [1, 2, 9, 3]"},
};
INSTANTIATE_TEST_SUITE_P(ConvReluPool, OpErrorTest, testing::ValuesIn(conv_relu_pool_errors), name_of_sample);

TEST(ConvReluPoolFits, TakesTheFirstLayerOfAPictureNetwork) {
  Shape x{32, 64, 64, 3}, kernel{32, 3, 3, 3};
  EXPECT_TRUE(conv_relu_pool_fits(x, kernel, {}, {}));
  EXPECT_TRUE(conv_relu_pool_fits(x, kernel, {.strides = {3, 3}}, {}));
  EXPECT_FALSE(conv_relu_pool_fits(x, kernel, {.padding = Padding::same}, {}));
  EXPECT_FALSE(conv_relu_pool_fits(x, kernel, {.dilation = {2, 2}}, {}));
  EXPECT_FALSE(conv_relu_pool_fits(x, kernel, {}, {.pool = {2, 3}}));
  EXPECT_FALSE(conv_relu_pool_fits(x, kernel, {}, {.strides = {1, 2}}));
  EXPECT_FALSE(conv_relu_pool_fits(x, kernel, {}, {.padding = Padding::same}));
  EXPECT_FALSE(conv_relu_pool_fits({32, 64, 64, 64}, {32, 3, 3, 64}, {}, {}));
  EXPECT_FALSE(conv_relu_pool_fits({32, 3, 64, 3}, kernel, {}, {}));  // not one pooled row
}

using Function = Tensor(const Tensor& x, const Tensor& kernel, const Tensor& bias);

/// Output and gradients for small integers: equal values in nearly every window, and exact sums.
std::vector<Tensor> results(Function* function) {
  auto integers = [](const Shape& shape, int salt) {
    std::vector<float> values(shape.elements());
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>((i * 7 + i / 5 + salt) % 3) - 1;
    return Tensor::from(values, shape);
  };
  Tensor x = integers({3, 13, 11, 3}, 1), kernel = integers({21, 3, 3, 3}, 2), bias = integers({21}, 0);
  for (const Tensor* tensor : {&x, &kernel, &bias}) tensor->watch(Tensor::empty_like(*tensor));
  Tape tape;
  Tensor y = function(x, kernel, bias);
  tape.backward(y, integers(y.shape(), 1));
  return {y, x.leaf()->gradient, kernel.leaf()->gradient, bias.leaf()->gradient};
}

TEST(ConvReluPool, BreaksTiesAsTheOpsItReplaces) {
  std::vector<Tensor> fused = results([](const Tensor& x, const Tensor& kernel, const Tensor& bias) {
    return conv_relu_pool(x, kernel, bias, {}, {});
  });
  std::vector<Tensor> simple = results([](const Tensor& x, const Tensor& kernel, const Tensor& bias) {
    return max_pool2d(relu(conv2d(x, kernel, bias)));
  });
  for (size_t i = 0; i < fused.size(); ++i) EXPECT_EQ(normalised_error(fused[i], simple[i]), 0) << i;
}

TEST(ConvReluPool, TakesAnEmptyBatch) {
  Tensor kernel = Tensor::full({4, 3, 3, 3}, 1), gradient = Tensor::full({4, 3, 3, 3}, 7);
  kernel.watch(gradient);
  Tape tape;
  Tensor y = conv_relu_pool(Tensor::zeros({0, 8, 8, 3}), kernel, Tensor(), {}, {});
  tape.backward(y, Tensor::zeros(y.shape()));
  EXPECT_EQ(gradient.to_vector<float>(), std::vector<float>(kernel.elements(), 0));
}

TEST(ConvReluPool, PassesNaNOn) {
  Tensor y = conv_relu_pool(Tensor::full({1, 4, 4, 1}, 1), Tensor::full({1, 3, 3, 1}, std::nan("")), Tensor(),
                            {}, {});
  EXPECT_TRUE(std::isnan(y.item<float>()));
}

}  // namespace
}  // namespace manul
