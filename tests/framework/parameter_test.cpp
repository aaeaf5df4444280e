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

TEST(ParameterSet, AFrozenParameterKeepsItsPlace) {
  ParameterSet set;
  Parameter& kernel = set.add("a", {20}, Initializer::ones());
  Parameter& other = set.add("b", {3}, Initializer::ones());
  Parameter& last = set.add("c", {3}, Initializer::ones());
  set.allocate(1);
  EXPECT_EQ(set.trainable_segments().size(), 1U);
  EXPECT_EQ(set.trainable_segments()[0].end, 64);
  other.set_trainable(false);
  EXPECT_FALSE(other.value.leaf());
  EXPECT_EQ(set.trainable_count(), 23);
  EXPECT_EQ(set.statistics_count(), 3);
  ASSERT_EQ(set.trainable_segments().size(), 2U);
  EXPECT_EQ(set.trainable_segments()[0].end, 32);
  EXPECT_EQ(set.trainable_segments()[1].begin, last.offset);
  other.set_trainable(true);
  EXPECT_TRUE(other.value.leaf());
  EXPECT_EQ(set.trainable_segments().size(), 1U);
  EXPECT_EQ(kernel.offset, 0);
}

TEST(ParameterSet, ModelsShareTheirLayersParameters) {
  ParameterSet whole;
  whole.add("a", {5}, "random_normal");
  whole.add("b", {3}, "random_normal");
  whole.allocate(1);
  ParameterSet part;
  part.add(whole.pointers()[1]);
  part.allocate(2);
  EXPECT_EQ(part.values().raw(), whole.values().raw());
  ASSERT_EQ(part.trainable_segments().size(), 1U);
  EXPECT_EQ(part.trainable_segments()[0].begin, 16);

  Tensor before = whole.at("b").value.clone();
  ParameterSet outer;
  outer.add(whole.pointers()[1]);
  Parameter& head = outer.add("head", {4}, "random_normal");
  outer.allocate(3);
  EXPECT_TRUE(equal_bits(before, whole.at("b").value));
  EXPECT_EQ(whole.values().raw(), outer.values().raw());
  EXPECT_EQ(part.values().raw(), outer.values().raw());
  EXPECT_EQ(head.gradient.raw(), outer.gradients().data<float>() + head.offset);
  EXPECT_EQ(whole.trainable_count(), 8);
  EXPECT_EQ(outer.trainable_count(), 7);
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
