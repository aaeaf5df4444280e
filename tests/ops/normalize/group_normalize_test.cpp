#include "manul/ops/normalize/group_normalize.h"

#include "manul/framework/tape.h"
#include "manul/ops/normalize/unit_normalize.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(GroupNormalize, OpTest, testing::ValuesIn(group_normalize_samples()),
                         name_of_sample);

const ErrorSample group_normalize_errors[] = {
    {"axes",
     [] {
       layer_normalize(Tensor::zeros({2, 3}), {}, {}, {1, 2}, 1e-3);
     },
     "layer_normalize: [2, 3] has no 2 axes from axis 1 on"},
    {"gamma",
     [] {
       layer_normalize(Tensor::zeros({2, 3, 4}), Tensor::zeros({3}), {}, {2, 1}, 1e-3);
     },
     "layer_normalize: parameter [3] does not fit input [2, 3, 4] (want [4])"},
    {"groups",
     [] {
       group_normalize(Tensor::zeros({2, 3, 4}), {}, {}, 3, 1e-3);
     },
     "group_normalize: the channels of [2, 3, 4] cannot be divided into 3 groups"},
    {"nothing",
     [] {
       group_normalize(Tensor::zeros({2, 0, 4}), {}, {}, 2, 1e-3);
     },
     "group_normalize: input [2, 0, 4] has no elements to take statistics of"},
    {"unit_axes",
     [] {
       unit_normalize(Tensor::zeros({2, 3}), {0, 3});
     },
     "unit_normalize: [2, 3] has no 3 axes from axis 0 on"},
};
INSTANTIATE_TEST_SUITE_P(GroupNormalize, OpErrorTest, testing::ValuesIn(group_normalize_errors),
                         name_of_sample);

/// Statistics of numbers that lie close together, far from 0.
TEST(GroupNormalize, KeepsSmallDifferencesOfLargeNumbers) {
  std::vector<float> values(512);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 4096 + static_cast<float>(i % 2);
  Tensor y = layer_normalize(Tensor::from(values, {1, 512}), {}, {}, {1, 1}, 1e-9);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(y.data<float>()[i], i % 2 == 0 ? -1 : 1, 1e-5);
}

/// Below a sum of squares of 1e-12 it is the factor 1e6.
TEST(UnitNormalize, LeavesTinyRowsTheirDirection) {
  Tensor x = Tensor::from(std::vector<float>{1e-8F, -2e-8F, 0}, {1, 3}), gradient = Tensor::empty_like(x);
  x.watch(gradient);
  Tape tape;
  Tensor y = unit_normalize(x, {1, 1});
  tape.backward(y, Tensor::from(std::vector<float>{1, 2, 3}, {1, 3}));
  const float wanted[] = {0.01F, -0.02F, 0};
  for (int i = 0; i < 3; ++i) {
    EXPECT_FLOAT_EQ(y.data<float>()[i], wanted[i]);
    EXPECT_FLOAT_EQ(gradient.data<float>()[i], 1e6F * static_cast<float>(i + 1));
  }
}

}  // namespace
}  // namespace manul
