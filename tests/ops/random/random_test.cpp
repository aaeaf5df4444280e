#include "manul/ops/random/random.h"

#include <cmath>

#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Random, OpTest, testing::ValuesIn(random_samples()), name_of_sample);

const ErrorSample random_errors[] = {
    {"uniform", [] { random_uniform({2}, 1, 0, DeviceStepState(), 1); }, "random_uniform: 1 is more than 0"},
    {"normal", [] { random_normal({2}, 0, -1, DeviceStepState(), 1); },
     "random_normal: the deviation -1 is negative"},
    {"bernoulli", [] { random_bernoulli({2}, 1.5, DeviceStepState(), 1); },
     "random_bernoulli: 1.5 is not a probability"},
};
INSTANTIATE_TEST_SUITE_P(Random, OpErrorTest, testing::ValuesIn(random_errors), name_of_sample);

struct Moments {
  double mean = 0, deviation = 0, least = 1e9, most = -1e9;
};
Moments moments_of(const Tensor& x) {
  Moments moments;
  std::vector<float> values = x.to_vector<float>();
  for (float value : values) {
    moments.mean += value;
    moments.deviation += static_cast<double>(value) * value;
    moments.least = std::min<double>(moments.least, value);
    moments.most = std::max<double>(moments.most, value);
  }
  moments.mean /= static_cast<double>(values.size());
  moments.deviation =
      std::sqrt(moments.deviation / static_cast<double>(values.size()) - moments.mean * moments.mean);
  return moments;
}

TEST(Random, HasItsDistribution) {
  DeviceStepState state;
  state.write({.seed = 1});
  Shape shape{200, 1000};
  Moments uniform = moments_of(random_uniform(shape, -1, 3, state, 4));
  EXPECT_NEAR(uniform.mean, 1, 0.02);
  EXPECT_NEAR(uniform.deviation, 4 / std::sqrt(12), 0.02);
  EXPECT_GE(uniform.least, -1);
  EXPECT_LT(uniform.most, 3);
  Moments normal = moments_of(random_normal(shape, 2, 0.5, state, 4));
  EXPECT_NEAR(normal.mean, 2, 0.01);
  EXPECT_NEAR(normal.deviation, 0.5, 0.01);
  EXPECT_GT(normal.most, 3.8);
  EXPECT_LT(normal.least, 0.2);
  EXPECT_NEAR(moments_of(random_bernoulli(shape, 0.3, state, 4)).mean, 0.3, 0.01);
}

TEST(Random, ChangesWithStepSeedAndStream) {
  DeviceStepState state;
  auto drawn = [&](int64_t iteration, uint64_t seed, uint64_t stream) {
    state.write({.iteration = iteration, .seed = seed});
    return random_normal({100}, 0, 1, state, stream);
  };
  Tensor first = drawn(0, 1, 2);
  EXPECT_TRUE(equal_bits(first, drawn(0, 1, 2)));
  EXPECT_FALSE(equal_bits(first, drawn(1, 1, 2)));
  EXPECT_FALSE(equal_bits(first, drawn(0, 2, 2)));
  EXPECT_FALSE(equal_bits(first, drawn(0, 1, 3)));
}

}  // namespace
}  // namespace manul
