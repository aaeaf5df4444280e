#include "manul/ops/dense/matmul.h"

#include <cstring>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/dense/attention.h"
#include "manul/ops/dense/heads_matmul.h"
#include "manul/ops/shape/shape_ops.h"
#include "manul/testing/op_check.h"
#include "manul/tests/keras_reference.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Matmul, OpTest, testing::ValuesIn(matmul_samples()), name_of_sample);

const ErrorSample matmul_errors[] = {
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
    {"heads_scores",
     [] {
       heads_scores(Tensor::zeros({2, 5, 3, 8}), Tensor::zeros({2, 5, 4, 8}), 1);
     },
     "heads_scores: [2, 5, 3, 8] of f32 does not go with [2, 5, 4, 8] of f32"},
    {"heads_values",
     [] {
       heads_values(Tensor::zeros({2, 3, 5, 7}), Tensor::zeros({2, 6, 3, 8}));
     },
     "heads_values: [2, 3, 5, 7] of f32 does not go with [2, 6, 3, 8] of f32"},
    {"attention",
     [] {
       attention(Tensor::zeros({2, 5, 3, 8}), Tensor::zeros({2, 6, 3, 8}), Tensor::zeros({2, 5, 3, 4}), 1);
     },
     "attention: query [2, 5, 3, 8] of f32, key [2, 6, 3, 8] of f32 and value [2, 5, 3, 4] of f32"},
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
INSTANTIATE_TEST_SUITE_P(Matmul, OpErrorTest, testing::ValuesIn(matmul_errors), name_of_sample);

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

struct ProductCase {
  const char* name;
  int64_t rows, inner, columns;
};
/// Shapes that tiles serve, shapes that Eigen does, of few and of many terms; all of them in f64 too.
class AnyProduct : public testing::TestWithParam<ProductCase> {};
const ProductCase product_cases[] = {{"tiles", 40, 70, 64},      {"narrow", 70, 33, 10},
                                     {"vector", 129, 200, 1},    {"one_row", 1, 300, 77},
                                     {"many_terms", 5, 2311, 7}, {"many_terms_tiles", 33, 2100, 96},
                                     {"wide", 6, 90, 500},       {"large", 300, 301, 45}};
INSTANTIATE_TEST_SUITE_P(Matmul, AnyProduct, testing::ValuesIn(product_cases), name_of_sample);

Tensor product_in(const Tensor& a, const Tensor& b, Transpose transpose) {
  Tensor y =
      Tensor::empty({a.shape()[transpose == Transpose::a], b.shape()[transpose != Transpose::b]}, a.dtype());
  matmul_kernel(a, b, transpose, y);
  return y;
}

TEST_P(AnyProduct, IsTheSumOfItsTerms) {
  auto [name, rows, inner, columns] = GetParam();
  Tensor a = test_values({rows, inner}, 1, DType::f64), b = test_values({inner, columns}, 2, DType::f64);
  Tensor expected = Tensor::zeros({rows, columns}, DType::f64);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = 0; k < inner; ++k)
      for (int64_t j = 0; j < columns; ++j)
        expected.mutable_data<double>()[i * columns + j] +=
            a.data<double>()[i * inner + k] * b.data<double>()[k * columns + j];
  for (DType dtype : {DType::f64, DType::f32}) {
    double most = dtype == DType::f64 ? 1e-14 : 1e-6;
    Tensor left = a.to(dtype), right = b.to(dtype);
    EXPECT_LE(normalised_error(product_in(left, right, Transpose::none), expected), most);
    EXPECT_LE(normalised_error(product_in(transpose(left), right, Transpose::a), expected), most);
    EXPECT_LE(normalised_error(product_in(left, transpose(right), Transpose::b), expected), most);
  }
}

TEST_P(AnyProduct, GivesEqualBitsAtAnyAddressAndWithAnyThreads) {
  auto [name, rows, inner, columns] = GetParam();
  for (DType dtype : {DType::f32, DType::f64})
    for (Transpose way : {Transpose::none, Transpose::a, Transpose::b}) {
      Shape of_a = way == Transpose::a ? Shape{inner, rows} : Shape{rows, inner};
      Shape of_b = way == Transpose::b ? Shape{columns, inner} : Shape{inner, columns};
      Tensor a = test_values(of_a, 1, dtype), b = test_values(of_b, 2, dtype);
      Tensor wanted = product_in(a, b, way);
      for (int64_t shift : {1, 2, 7, 15}) {
        cpu::set_threads(static_cast<int>(1 + shift % 3));
        Tensor memory = Tensor::empty({a.elements() + b.elements() + wanted.elements() + 64}, dtype);
        Tensor moved_a = memory.range(shift, of_a), moved_b = memory.range(a.elements() + 2 * shift, of_b);
        moved_a.copy_from(a);
        moved_b.copy_from(b);
        Tensor y = memory.range(a.elements() + b.elements() + 3 * shift, wanted.shape());
        matmul_kernel(moved_a, moved_b, way, y);
        EXPECT_EQ(std::memcmp(y.raw(), wanted.raw(), wanted.bytes()), 0) << shift << " " << name_of(dtype);
      }
      cpu::set_threads(0);
    }
}

/// A prediction does not depend on what else is in its batch.
TEST(Matmul, GivesARowEqualBitsWhateverTheOthers) {
  for (DType dtype : {DType::f32, DType::f64})
    for (int64_t columns : {1, 4, 10, 37, 64, 100}) {
      Tensor a = test_values({70, 53}, 1, dtype), b = test_values({53, columns}, 2, dtype);
      Tensor whole = matmul(a, b);
      for (int64_t rows : {1, 2, 3, 5, 13, 32, 69}) {
        Tensor part = matmul(a.range(0, {rows, 53}), b);
        EXPECT_EQ(std::memcmp(part.raw(), whole.raw(), part.bytes()), 0) << rows << " " << columns;
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
    dense_backward_kernel(x, kernel, Activation::tanh, y, dy, Tensor(), dx, dkernel, dbias, nullptr);
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
