#include "manul/ops/pointwise/pointwise.h"

#include <cmath>
#include <limits>

#include "manul/framework/tape.h"
#include "manul/testing/op_check.h"
#include "manul/tests/keras_reference.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Pointwise, OpTest, testing::ValuesIn(pointwise_samples()), name_of_sample);

const ErrorSample errors[] = {
    {"shapes",
     [] {
       add(Tensor::zeros({2, 3}), Tensor::zeros({2}));
     },
     "add: [2] does not fit [2, 3]"},
    {"second_larger",
     [] {
       divide(Tensor::zeros({3}), Tensor::zeros({2, 3}));
     },
     "divide: [2, 3] does not fit [3]"},
    {"dtypes", [] { multiply(Tensor::zeros({2}), Tensor::zeros({2}, DType::f64)); },
     "f32 does not go with f64"},
    {"integers", [] { relu(Tensor::zeros({2}, DType::i32)); }, "works on f32 and f64, not on i32"},
    {"softmax_scalar", [] { softmax(Tensor::zeros({})); }, "softmax: a scalar has no last axis"},
};
INSTANTIATE_TEST_SUITE_P(Pointwise, OpErrorTest, testing::ValuesIn(errors), name_of_sample);

std::vector<float> gradient_of(Tensor (*function)(const Tensor&), const std::vector<float>& values) {
  Tensor x = Tensor::from(values, {static_cast<int64_t>(values.size())});
  Tensor gradient = Tensor::empty_like(x);
  x.watch(gradient);
  Tape tape;
  Tensor y = function(x);
  tape.backward(y, Tensor::full(y.shape(), 1));
  return gradient.to_vector<float>();
}

TEST(Relu, HasNoSlopeAtZero) {
  EXPECT_EQ(gradient_of(relu, {-0.0f, 0.0f, 1e-30f}), (std::vector<float>{0, 0, 1}));
}

TEST(Relu, PassesNaNOn) {
  EXPECT_TRUE(std::isnan(relu(Tensor::full({1}, std::nan(""))).item<float>()));
}

TEST(Sigmoid, ReachesBothEndsWithoutOverflow) {
  Tensor x = Tensor::from(std::vector<float>{-1000, -80, 0, 100, 1000}, {5});
  std::vector<float> y = sigmoid(x).to_vector<float>();
  EXPECT_EQ(y[0], 0);
  EXPECT_NEAR(y[1] / 1.804851e-35f, 1, 1e-6);
  EXPECT_EQ(y[2], 0.5f);
  EXPECT_EQ(y[3], 1);
  EXPECT_EQ(y[4], 1);
}

TEST(Softmax, DoesNotOverflow) {
  Tensor x = Tensor::from(std::vector<float>{1000, 999, -1000}, {1, 3});
  std::vector<float> y = softmax(x).to_vector<float>();
  EXPECT_NEAR(y[0], 1 / (1 + std::exp(-1.0)), 1e-6);
  EXPECT_EQ(y[2], 0);
}

TEST(Exp, IsInfiniteAndZeroWhereItMustBe) {
  Tensor x = Tensor::from(std::vector<float>{100, -200, std::numeric_limits<float>::infinity()}, {3});
  std::vector<float> y = exp(x).to_vector<float>();
  EXPECT_EQ(y[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(y[2], std::numeric_limits<float>::infinity());
}

struct ActivationCase {
  const char* name;
  Activation activation;
};
class KerasActivation : public testing::TestWithParam<ActivationCase> {};

TEST_P(KerasActivation, AgreesToTheTails) {
  std::string group = std::string("layers/activation_") + GetParam().name;
  Tensor x = watched_reference(group + "/input0"), expected = keras_reference().tensor(group + "/output");
  Tape tape;
  Tensor y = activate(x, GetParam().activation);
  for (int64_t i = 0; i < expected.elements(); ++i) {
    double wanted = expected.data<double>()[i];
    EXPECT_NEAR(y.data<double>()[i], wanted, 1e-13 * std::abs(wanted)) << "element " << i;
  }
  tape.backward(y, keras_reference().tensor(group + "/upstream"));
  expect_reference_gradient(x, group + "/input0_grad", 1e-13);
}

const ActivationCase activation_cases[] = {
    {"linear", Activation::linear}, {"relu", Activation::relu},       {"sigmoid", Activation::sigmoid},
    {"tanh", Activation::tanh},     {"softmax", Activation::softmax}, {"softmax_4d", Activation::softmax},
};
INSTANTIATE_TEST_SUITE_P(Pointwise, KerasActivation, testing::ValuesIn(activation_cases), name_of_sample);

}  // namespace
}  // namespace manul
