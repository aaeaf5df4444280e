#include "manul/framework/cpu/elementwise.h"

#include <gmock/gmock.h>

namespace manul {
namespace {

struct WeightedSum {
  auto operator()(auto a, auto b) const { return a + 2 * b; }
};

TEST(Elementwise, RunsAFunctionOverTensorsOfEachType) {
  for (DType dtype : {DType::f32, DType::f64}) {
    const int64_t count = 40001;  // several parts, the last a short one
    Tensor a = Tensor::empty({count}, DType::f64), b = Tensor::empty({count}, DType::f64);
    for (int64_t i = 0; i < count; ++i) {
      a.mutable_data<double>()[i] = static_cast<double>(i % 1000);
      b.mutable_data<double>()[i] = static_cast<double>(i % 7);
    }
    Tensor sum = Tensor::empty({count}, dtype);
    cpu::elementwise(WeightedSum{}, sum, a.to(dtype), b.to(dtype));
    std::vector<double> values = sum.to(DType::f64).to_vector<double>();
    for (int64_t i = 0; i < count; ++i)
      ASSERT_EQ(values[i], static_cast<double>(i % 1000 + 2 * (i % 7))) << name_of(dtype) << " " << i;
  }
}

TEST(Elementwise, RefusesWhatDoesNotFit) {
  Tensor two = Tensor::zeros({2}), three = Tensor::zeros({3});
  EXPECT_THAT([&] { cpu::elementwise(WeightedSum{}, two, two, three); },
              testing::ThrowsMessage<Error>("elementwise: one tensor is [3], another [2]"));
  EXPECT_THROW(cpu::elementwise(WeightedSum{}, two, two, two.to(DType::f64)), Error);
  Tensor whole = Tensor::zeros({2}, DType::i32);
  EXPECT_THROW(cpu::elementwise(WeightedSum{}, whole, whole, whole), Error);
}

}  // namespace
}  // namespace manul
