#include "manul/ops/random/dropout.h"

#include <algorithm>
#include <cmath>

#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Dropout, OpTest, testing::ValuesIn(dropout_samples()), name_of_sample);

const ErrorSample dropout_errors[] = {
    {"one", [] { dropout(Tensor::zeros({2}), 1, DeviceStepState(), 0); }, "dropout: rate 1 is not in 0 .. 1"},
    {"negative", [] { dropout(Tensor::zeros({2}), -0.1, DeviceStepState(), 0); },
     "dropout: rate -0.1 is not"},
    {"nan", [] { dropout(Tensor::zeros({2}), std::nan(""), DeviceStepState(), 0); },
     "dropout: rate nan is not"},
};
INSTANTIATE_TEST_SUITE_P(Dropout, OpErrorTest, testing::ValuesIn(dropout_errors), name_of_sample);

TEST(Dropout, KeepsItsShareAndTheMean) {
  DeviceStepState state;
  std::vector<float> y = dropout(Tensor::full({1000000}, 1), 0.3, state, 5).to_vector<float>();
  auto zeros = std::count(y.begin(), y.end(), 0.0f);
  EXPECT_NEAR(static_cast<double>(zeros), 300000, 5 * std::sqrt(1e6 * 0.3 * 0.7));
  EXPECT_EQ(*std::max_element(y.begin(), y.end()), static_cast<float>(1 / (1 - 0.3)));
}

TEST(Dropout, ChoosesAnewForEachStepStreamAndSeed) {
  DeviceStepState state;
  Tensor x = Tensor::full({4096}, 1);
  auto dropped = [&](int64_t iteration, uint64_t seed, uint64_t stream) {
    state.write({.iteration = iteration, .seed = seed});
    return dropout(x, 0.5, state, stream);
  };
  Tensor first = dropped(0, 1, 5);
  EXPECT_TRUE(equal_bits(first, dropped(0, 1, 5)));
  // Independent choices agree on half of the elements.
  for (const Tensor& other : {dropped(1, 1, 5), dropped(0, 2, 5), dropped(0, 1, 6)}) {
    std::vector<float> a = first.to_vector<float>(), b = other.to_vector<float>();
    int64_t equal = 0;
    for (size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i];
    EXPECT_NEAR(static_cast<double>(equal), 2048, 5 * 32);
  }
}

}  // namespace
}  // namespace manul
