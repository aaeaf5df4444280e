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

const ErrorSample pointwise_errors[] = {
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
INSTANTIATE_TEST_SUITE_P(Pointwise, OpErrorTest, testing::ValuesIn(pointwise_errors), name_of_sample);

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

TEST(Maximum, GivesTheFirstOfEqualNumbersTheGradient) {
  Tensor a = Tensor::from(std::vector<float>{1, 2, 3}, {3}),
         b = Tensor::from(std::vector<float>{1, 3, 2}, {3});
  for (const Tensor& leaf : {a, b}) leaf.watch(Tensor::empty_like(leaf));
  Tape tape;
  Tensor y = maximum(a, b);
  tape.backward(y, Tensor::full({3}, 1));
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{1, 3, 3}));
  EXPECT_EQ(a.leaf()->gradient.to_vector<float>(), (std::vector<float>{1, 0, 1}));
  EXPECT_EQ(b.leaf()->gradient.to_vector<float>(), (std::vector<float>{0, 1, 0}));
}

TEST(Sign, IsMinusOneZeroOrOne) {
  Tensor x = Tensor::from(std::vector<float>{-3, 0, 1e-30f}, {3});
  EXPECT_EQ(sign(x).to_vector<float>(), (std::vector<float>{-1, 0, 1}));
  auto absolute = +[](const Tensor& t) { return abs(t); };
  EXPECT_EQ(gradient_of(absolute, {-3, 0, 2}), (std::vector<float>{-1, 0, 1}));
}

TEST(Clip, PassesTheGradientAtBothEnds) {
  auto clipped = +[](const Tensor& t) { return clip(t, -1, 1); };
  EXPECT_EQ(gradient_of(clipped, {-2, -1, 0, 1, 2}), (std::vector<float>{0, 1, 1, 1, 0}));
  EXPECT_THROW(clip(Tensor::zeros({1}), 2, 1), Error);
}

TEST(Cast, CarriesTheGradientBack) {
  Tensor x = Tensor::from(std::vector<float>{1, -2.5f}, {2});
  x.watch(Tensor::empty_like(x));
  Tape tape;
  Tensor y = square(cast(x, DType::f64));
  EXPECT_EQ(y.to_vector<double>(), (std::vector<double>{1, 6.25}));
  tape.backward(y, Tensor::full({2}, 1, DType::f64));
  EXPECT_EQ(x.leaf()->gradient.to_vector<float>(), (std::vector<float>{2, -5}));
  EXPECT_EQ(cast(Tensor::from(std::vector<uint8_t>{0, 255}, {2}), DType::f32).to_vector<float>(),
            (std::vector<float>{0, 255}));
  EXPECT_THROW(cast(x, DType::u8), Error);
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

TEST(Comparisons, AreOneWhereTheyHold) {
  std::vector<Device> devices{Device::cpu()};
  if (test_gpu()) devices.push_back(*test_gpu());
  float nan = std::numeric_limits<float>::quiet_NaN();
  for (Device device : devices) {
    Tensor a = Tensor::from(std::vector<float>{1, 2, 3, nan}, {4}).to(device);
    Tensor b = Tensor::from(std::vector<float>{2, 2, 2, nan}, {4}).to(device);
    auto is = [](const Tensor& mask) { return mask.to_vector<float>(); };
    EXPECT_EQ(is(equal(a, b)), (std::vector<float>{0, 1, 0, 0}));
    EXPECT_EQ(is(not_equal(a, b)), (std::vector<float>{1, 0, 1, 1}));
    EXPECT_EQ(is(greater(a, b)), (std::vector<float>{0, 0, 1, 0}));
    EXPECT_EQ(is(greater_equal(a, b)), (std::vector<float>{0, 1, 1, 0}));
    EXPECT_EQ(is(less(a, b)), (std::vector<float>{1, 0, 0, 0}));
    EXPECT_EQ(is(less_equal(a, 2)), (std::vector<float>{1, 1, 0, 0}));
  }
}

}  // namespace
}  // namespace manul
