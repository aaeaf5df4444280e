#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/testing/op_check.h"

// How exact the CPU's f32 functions are, over their whole range, against the C library in higher precision.
namespace manul {
namespace {

using Function = Tensor (*)(const Tensor&);
using Exact = long double (*)(long double);

struct AccuracyCase {
  const char* name;
  Function function;
  Exact exact;
  double low, high;
  double relative;  // largest relative error
};
void PrintTo(const AccuracyCase& accuracy, std::ostream* out) {
  *out << accuracy.name;
}

long double exact_sigmoid(long double x) {
  return 1 / (1 + expl(-x));
}

class Accuracy : public testing::TestWithParam<AccuracyCase> {};

TEST_P(Accuracy, IsAsStated) {
  constexpr int64_t count = 1 << 18;
  const AccuracyCase& c = GetParam();
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(c.low + (c.high - c.low) * static_cast<double>(i) / (count - 1));
  std::vector<float> seen = c.function(Tensor::from(values, {count})).to_vector<float>();
  double worst = 0;
  float at = 0;
  for (int64_t i = 0; i < count; ++i) {
    long double wanted = c.exact(values[i]);
    if (std::abs(wanted) < std::numeric_limits<float>::min()) continue;  // f32 has fewer digits there
    double error = static_cast<double>(std::abs((seen[i] - wanted) / wanted));
    if (!(error <= worst)) {
      worst = error;
      at = values[i];
    }
  }
  EXPECT_LE(worst, c.relative) << "at " << at;
}

const AccuracyCase accuracy_cases[] = {
    {"exp", exp, expl, -87.3, 88.72, 4e-7},
    {"exp_near_0", exp, expl, -1, 1, 2e-7},
    {"log", log, logl, 1e-6, 1e4, 2e-7},
    {"log_near_1", log, logl, 0.9, 1.1, 2e-7},
    {"sqrt", sqrt, sqrtl, 0, 1e6, 1e-7},
    {"tanh", tanh, tanhl, -12, 12, 4e-7},
    {"tanh_near_0", tanh, tanhl, -1e-3, 1e-3, 4e-7},
    {"sigmoid", sigmoid, exact_sigmoid, -87, 20, 4e-7},
    {"softplus", softplus, [](long double x) { return log1pl(expl(x)); }, -80, 40, 4e-7},
    {"elu", +[](const Tensor& x) { return elu(x); }, [](long double x) { return x > 0 ? x : expm1l(x); }, -20,
     20, 4e-7},
    {"elu_near_0", +[](const Tensor& x) { return elu(x); },
     [](long double x) { return x > 0 ? x : expm1l(x); }, -1e-3, 1e-3, 4e-7},
    {"silu", silu, [](long double x) { return x * exact_sigmoid(x); }, -80, 20, 6e-7},
    {"mish", mish, [](long double x) { return x * tanhl(log1pl(expl(x))); }, -80, 20, 1e-6},
    {"gelu", +[](const Tensor& x) { return gelu(x); },
     [](long double x) { return x / 2 * (1 + erfl(x / sqrtl(2))); }, -1, 6, 1e-6},
};
INSTANTIATE_TEST_SUITE_P(Pointwise, Accuracy, testing::ValuesIn(accuracy_cases), name_of_sample);

TEST(ExpOnTheCpu, HasTheWholeRangeOfF32) {
  float largest = 88.7228f, infinity = std::numeric_limits<float>::infinity();
  Tensor x = Tensor::from(std::vector<float>{largest, 88.73f, -88, -100, -105, -infinity, NAN}, {7});
  std::vector<float> y = exp(x).to_vector<float>();
  EXPECT_NEAR(y[0] / std::exp(largest), 1, 1e-6);
  EXPECT_EQ(y[1], infinity);
  // Denormals, which a thread may be set to take for 0.
  EXPECT_NEAR(y[2], std::exp(-88.0f), std::numeric_limits<float>::min());
  EXPECT_NEAR(y[3], std::exp(-100.0f), std::numeric_limits<float>::min());
  EXPECT_EQ(y[4], 0);
  EXPECT_EQ(y[5], 0);
  EXPECT_TRUE(std::isnan(y[6]));
}

TEST(SqrtOnTheCpu, IsExactAtTheEnds) {
  float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> y = sqrt(Tensor::from(std::vector<float>{0, infinity, -1}, {3})).to_vector<float>();
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], infinity);
  EXPECT_TRUE(std::isnan(y[2]));
}

/// The bits of an element do not depend on its address or its neighbours.
TEST(PointwiseOnTheCpu, GivesEqualBitsAtAnyPlace) {
  Tensor all = test_values({1000}, 5, DType::f32, {}, -8, 8);
  for (Activation activation : all_activations()) {
    if (activation == Activation::softmax || activation == Activation::log_softmax) continue;
    std::vector<float> whole = activate(all, activation).to_vector<float>();
    for (int64_t first : {1, 3, 17, 30})
      for (int64_t count : {1, 5, 16, 33, 700}) {
        std::vector<float> part = activate(all.range(first, {count}), activation).to_vector<float>();
        for (int64_t i = 0; i < count; ++i) ASSERT_EQ(part[i], whole[first + i]) << name_of(activation);
      }
  }
}

TEST(SoftmaxOnTheCpu, GivesEqualBitsAtAnyAddress) {
  Tensor memory = Tensor::empty({16 + 3 * 37});
  Tensor values = test_values({3, 37}, 6, DType::f32, {}, -8, 8);
  std::vector<float> wanted = softmax(values).to_vector<float>();
  for (int64_t first = 1; first < 16; ++first) {
    Tensor moved = memory.range(first, {3, 37});
    moved.copy_from(values);
    EXPECT_EQ(softmax(moved).to_vector<float>(), wanted) << first;
  }
}

}  // namespace
}  // namespace manul
