#include "manul/framework/parameter.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "manul/framework/error.h"
#include "manul/testing/op_check.h"

namespace manul {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(ParameterSet, LaysParametersOutInFlatBuffers) {
  ParameterSet set;
  Parameter& kernel = set.add("dense/kernel", {5, 7}, Initializer::glorot_uniform(5, 7));
  Parameter& bias = set.add("dense/bias", {7}, Initializer::zeros());
  Parameter& mean = set.add("norm/moving_variance", {7}, Initializer::ones(), false);
  set.allocate(1);
  EXPECT_EQ(set.trainable_count(), 42);
  EXPECT_EQ(set.statistics_count(), 7);
  EXPECT_EQ(kernel.offset, 0);
  EXPECT_EQ(bias.offset, 48);
  EXPECT_EQ(set.values().elements(), 64);
  EXPECT_EQ(bias.value.raw(), set.values().data<float>() + 48);
  EXPECT_EQ(bias.gradient.raw(), set.gradients().data<float>() + 48);
  EXPECT_EQ(mean.value.raw(), set.statistics().raw());
  EXPECT_FALSE(mean.gradient.defined());
  EXPECT_EQ(mean.value.to_vector<float>(), std::vector<float>(7, 1));
  EXPECT_EQ(bias.value.to_vector<float>(), std::vector<float>(7, 0));
  EXPECT_TRUE(kernel.value.leaf());
}

TEST(ParameterSet, DrawsGlorotUniformByPathAndSeed) {
  auto kernel = [](uint64_t seed, const char* path, const char* before) {
    ParameterSet set;
    set.add(before, {3}, Initializer::zeros());
    Parameter& parameter = set.add(path, {100, 200}, Initializer::glorot_uniform(100, 200));
    set.allocate(seed);
    return parameter.value.clone();
  };
  Tensor drawn = kernel(1, "a/kernel", "x");
  std::vector<float> values = drawn.to_vector<float>();
  double limit = std::sqrt(6.0 / 300), sum = 0, squares = 0;
  for (float value : values) {
    EXPECT_LE(std::abs(value), limit);
    sum += value;
    squares += value * value;
  }
  double count = static_cast<double>(values.size()), deviation = limit / std::sqrt(3.0);
  EXPECT_NEAR(sum / count, 0, 5 * deviation / std::sqrt(count));
  EXPECT_NEAR(squares / count, deviation * deviation, 0.02 * deviation * deviation);
  EXPECT_TRUE(equal_bits(drawn, kernel(1, "a/kernel", "y")));
  EXPECT_FALSE(equal_bits(drawn, kernel(2, "a/kernel", "x")));
  EXPECT_FALSE(equal_bits(drawn, kernel(1, "b/kernel", "x")));
}

TEST(ParameterSet, MakesNoGradientsForPrediction) {
  ParameterSet set;
  Parameter& parameter = set.add("p", {3}, Initializer::ones());
  set.allocate(0, DType::f32, Device::cpu(), false);
  EXPECT_FALSE(set.gradients().defined());
  EXPECT_FALSE(parameter.value.leaf());
}

TEST(ParameterSet, RefusesTwoOfAName) {
  ParameterSet set;
  set.add("p", {3}, Initializer::ones());
  EXPECT_THAT([&] { set.add("p", {2}, Initializer::ones()); },
              ThrowsMessage<Error>(HasSubstr("two are called p")));
  EXPECT_THAT([&] { set.at("q"); }, ThrowsMessage<Error>(HasSubstr("none called q")));
  set.allocate(0);
  EXPECT_THROW(set.allocate(0), Error);
  EXPECT_THROW(set.add("late", {1}, Initializer::zeros()), Error);
}

}  // namespace
}  // namespace manul
