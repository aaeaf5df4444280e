#include "manul/ops/dense/matmul.h"

#include "manul/framework/tape.h"
#include "manul/testing/op_check.h"
#include "manul/tests/keras_reference.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Matmul, OpTest, testing::ValuesIn(matmul_samples()), name_of_sample);

const ErrorSample errors[] = {
    {"inner",
     [] {
       matmul(Tensor::zeros({2, 3}), Tensor::zeros({4, 5}));
     },
     "matmul: [2, 3] does not go with [4, 5] (want [M, K] and [K, N])"},
    {"rank",
     [] {
       matmul(Tensor::zeros({3}), Tensor::zeros({3, 5}));
     },
     "matmul: [3] does not go with [3, 5]"},
    {"batch",
     [] {
       matmul(Tensor::zeros({2, 2, 3}), Tensor::zeros({3, 3, 5}));
     },
     "matmul: [2, 2, 3] does not go with [3, 3, 5]"},
    {"dtypes",
     [] {
       matmul(Tensor::zeros({2, 3}), Tensor::zeros({3, 2}, DType::f64));
     },
     "f32 does not go with f64"},
    {"dense_input",
     [] {
       dense(Tensor::zeros({2, 3}), Tensor::zeros({4, 5}), {});
     },
     "dense: input [2, 3] does not fit kernel [4, 5]"},
    {"dense_bias",
     [] {
       dense(Tensor::zeros({2, 4}), Tensor::zeros({4, 5}), Tensor::zeros({4}));
     },
     "dense: bias [4] does not fit kernel [4, 5] (want [units])"},
};
INSTANTIATE_TEST_SUITE_P(Matmul, OpErrorTest, testing::ValuesIn(errors), name_of_sample);

struct DenseCase {
  const char* name;
  Activation activation;
};
class KerasDense : public testing::TestWithParam<DenseCase> {};

TEST_P(KerasDense, Agrees) {
  std::string group = std::string("layers/dense_") + GetParam().name;
  Tensor x = watched_reference(group + "/input0"), kernel = watched_reference(group + "/weight0");
  bool has_bias = keras_reference().has(group + "/weight1");
  Tensor bias = has_bias ? watched_reference(group + "/weight1") : Tensor();
  Tape tape;
  Tensor y = dense(x, kernel, bias, GetParam().activation);
  expect_reference(y, group + "/output", 1e-13);
  tape.backward(y, keras_reference().tensor(group + "/upstream"));
  expect_reference_gradient(x, group + "/input0_grad", 1e-13);
  expect_reference_gradient(kernel, group + "/weight0_grad", 1e-13);
  if (has_bias) expect_reference_gradient(bias, group + "/weight1_grad", 1e-13);
}

const DenseCase dense_cases[] = {{"2d", Activation::linear},
                                 {"2d_no_bias", Activation::linear},
                                 {"sigmoid", Activation::sigmoid},
                                 {"softmax", Activation::softmax}};
INSTANTIATE_TEST_SUITE_P(Matmul, KerasDense, testing::ValuesIn(dense_cases), name_of_sample);

/// The fused op is defined by the simple ones it replaces.
class DenseByParts : public testing::TestWithParam<Activation> {};

TEST_P(DenseByParts, GiveTheSame) {
  auto inputs = [] {
    std::vector<Tensor> inputs{test_values({35, 323}, 1), test_values({323, 67}, 2), test_values({67}, 3)};
    for (Tensor& input : inputs) input.watch(Tensor::empty_like(input));
    return inputs;
  };
  std::vector<Tensor> fused = inputs(), parts = inputs();
  Tensor upstream = test_values({35, 67}, 4);
  Tape tape;
  Tensor y = dense(fused[0], fused[1], fused[2], GetParam());
  tape.backward(y, upstream);
  Tensor z = activate(add(matmul(parts[0], parts[1]), parts[2]), GetParam());
  tape.backward(z, upstream);
  EXPECT_LE(normalised_error(y, z), 1e-6);
  for (int i = 0; i < 3; ++i)
    EXPECT_LE(normalised_error(fused[i].leaf()->gradient, parts[i].leaf()->gradient), 2e-6) << "input " << i;
}

INSTANTIATE_TEST_SUITE_P(Matmul, DenseByParts,
                         testing::Values(Activation::linear, Activation::relu, Activation::sigmoid,
                                         Activation::tanh, Activation::softmax));

TEST(Matmul, TakesAnyShapeOfTheArticlesSizesAndTails) {
  // Every combination of sizes around the kernels' tiles, against f64.
  for (int64_t rows : {1, 2, 6, 8, 13, 32, 33})
    for (int64_t inner : {1, 3, 16, 31, 70})
      for (int64_t columns : {1, 2, 15, 16, 17, 64, 79, 128}) {
        Tensor a = test_values({rows, inner}, 1), b = test_values({inner, columns}, 2);
        Tensor c = test_values({inner, rows}, 3), d = test_values({columns, inner}, 4);
        Tensor expected = matmul(a.to(DType::f64), b.to(DType::f64));
        EXPECT_LE(normalised_error(matmul(a, b), expected), 1e-6) << rows << " " << inner << " " << columns;
        for (auto [left, right, transpose] :
             {std::tuple{c, b, Transpose::a}, std::tuple{a, d, Transpose::b}}) {
          Tensor y = Tensor::empty({rows, columns}), z = Tensor::empty({rows, columns}, DType::f64);
          matmul_kernel(left, right, transpose, y);
          matmul_kernel(left.to(DType::f64), right.to(DType::f64), transpose, z);
          EXPECT_LE(normalised_error(y, z), 1e-6) << rows << " " << inner << " " << columns;
        }
      }
}

TEST(Matmul, DenseTooLargeForOwnKernelsAgreesWithTheCpu) {
  std::optional<Device> gpu = test_gpu();
  if (!gpu) GTEST_SKIP() << why_no_gpu();
  std::vector<Tensor> gradients[2];
  for (Device device : {Device::cpu(), *gpu}) {
    Tensor x = test_values({519, 263}, 1, DType::f32, device),
           kernel = test_values({263, 259}, 2, DType::f32, device),
           bias = test_values({259}, 3, DType::f32, device),
           dy = test_values({519, 259}, 4, DType::f32, device);
    Tensor y = Tensor::empty(dy.shape(), DType::f32, device);
    dense_forward_kernel(x, kernel, bias, Activation::tanh, y);
    Tensor dx = Tensor::empty_like(x), dkernel = Tensor::empty_like(kernel), dbias = Tensor::empty_like(bias);
    dense_backward_kernel(x, kernel, Activation::tanh, y, dy, dx, dkernel, dbias, nullptr);
    gradients[device.is_cuda()] = {y, dx, dkernel, dbias};
  }
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    EXPECT_LE(normalised_error(gradients[1][i].to(Device::cpu()), gradients[0][i]), 1e-5);
  }
}

TEST(Matmul, OfNothingIsZero) {
  EXPECT_EQ(matmul(Tensor::zeros({2, 0}), Tensor::zeros({0, 1})).to_vector<float>(),
            (std::vector<float>{0, 0}));
  EXPECT_EQ(matmul(Tensor::zeros({0, 3}), Tensor::zeros({3, 2})).elements(), 0);
}

}  // namespace
}  // namespace manul
