#include "manul/ops/reduce/reduce.h"

#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Reduce, OpTest, testing::ValuesIn(reduce_samples()), name_of_sample);

const ErrorSample errors[] = {
    {"nothing",
     [] {
       mean(Tensor::zeros({3, 0}));
     },
     "mean: [3, 0] has no elements"},
    {"integers", [] { sum(Tensor::zeros({3}, DType::i32)); }, "sum: works on f32 and f64, not on i32"},
};
INSTANTIATE_TEST_SUITE_P(Reduce, OpErrorTest, testing::ValuesIn(errors), name_of_sample);

TEST(Sum, LosesNothingOverManySmallNumbers) {
  EXPECT_EQ(sum(Tensor::full({1 << 24}, 0.1)).item<float>(),
            static_cast<float>((1 << 24) * static_cast<double>(0.1f)));
  EXPECT_EQ(sum(Tensor::zeros({0})).item<float>(), 0);
}

}  // namespace
}  // namespace manul
