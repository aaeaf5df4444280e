#include <cmath>
#include <limits>

#include "manul/framework/tape.h"
#include "manul/ops/reduce/cumulative_sum.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Reduce, OpTest, testing::ValuesIn(reduce_samples()), name_of_sample);

const ErrorSample reduce_errors[] = {
    {"nothing",
     [] {
       mean(Tensor::zeros({3, 0}));
     },
     "mean: [3, 0] has no elements"},
    {"integers", [] { sum(Tensor::zeros({3}, DType::i32)); }, "sum: works on f32 and f64, not on i32"},
    {"no_such_axis",
     [] {
       sum(Tensor::zeros({2, 3}), 2);
     },
     "sum: [2, 3] has no axis 2"},
    {"argmax_of_nothing",
     [] {
       argmax(Tensor::zeros({2, 0}));
     },
     "argmax: [2, 0] has no elements along the axes"},
    {"max_of_nothing",
     [] {
       max(Tensor::zeros({0, 2}), 0);
     },
     "max: [0, 2] has no elements along the axes"},
    {"argmin_of_a_scalar", [] { argmin(Tensor::zeros({})); }, "argmin: a scalar has no axis"},
    {"cumulative_sum_axis",
     [] {
       cumulative_sum(Tensor::zeros({2, 3}), -3);
     },
     "cumulative_sum: [2, 3] has no axis -3"},
};
INSTANTIATE_TEST_SUITE_P(Reduce, OpErrorTest, testing::ValuesIn(reduce_errors), name_of_sample);

TEST(Sum, LosesNothingOverManySmallNumbers) {
  EXPECT_EQ(sum(Tensor::full({1 << 24}, 0.1)).item<float>(),
            static_cast<float>((1 << 24) * static_cast<double>(0.1f)));
  EXPECT_EQ(sum(Tensor::zeros({0})).item<float>(), 0);
}

std::vector<Device> devices() {
  std::vector<Device> devices{Device::cpu()};
  if (test_gpu()) devices.push_back(*test_gpu());
  return devices;
}

Tensor values(const std::vector<float>& numbers, const Shape& shape, Device device) {
  return Tensor::from(numbers, shape).to(device);
}

TEST(Reduce, ShapesAndValues) {
  for (Device device : devices()) {
    Tensor x = values({1, 2, 3, 4, 5, 6}, {2, 1, 3}, device);
    EXPECT_EQ(sum(x, {0, 2}).shape(), (Shape{1}));
    EXPECT_EQ(sum(x, {0, -1}, true).shape(), (Shape{1, 1, 1}));
    EXPECT_EQ(sum(x, {}).item<float>(), 21);
    EXPECT_EQ(mean(x, 0).to_vector<float>(), (std::vector<float>{2.5f, 3.5f, 4.5f}));
    EXPECT_EQ(prod(x, -1).to_vector<float>(), (std::vector<float>{6, 120}));
    EXPECT_EQ(max(x).item<float>(), 6);
    EXPECT_EQ(min(x, {0, 1}).to_vector<float>(), (std::vector<float>{1, 2, 3}));
    EXPECT_EQ(variance(x, {}).item<float>(), 17.5f / 6);
    EXPECT_EQ(sum(values({}, {0, 3}, device), 0).to_vector<float>(), (std::vector<float>{0, 0, 0}));
    EXPECT_EQ(prod(values({}, {2, 0}, device), 1).to_vector<float>(), (std::vector<float>{1, 1}));
  }
}

TEST(Reduce, PlacesAreTheFirstOfEqualOnes) {
  float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (Device device : devices()) {
    Tensor x =
        values({1, 3, 3, 2, nan, nan, 0, -1, -infinity, -infinity, -infinity, -infinity}, {3, 4}, device);
    EXPECT_EQ(argmax(x).to_vector<int32_t>(), (std::vector<int32_t>{1, 0, 0}));
    EXPECT_EQ(argmin(x, 0, true).to_vector<int32_t>(), (std::vector<int32_t>{1, 1, 2, 2}));
    EXPECT_EQ(argmin(x, 0, true).shape(), (Shape{1, 4}));
    std::vector<float> largest = max(x, 1).to_vector<float>();
    EXPECT_EQ(largest[0], 3);
    EXPECT_TRUE(std::isnan(largest[1]));
    EXPECT_EQ(largest[2], -infinity);
    // Long lines are cut into parts: the first of equal ones all the same.
    std::vector<float> line(100'000, 1);
    line[70'001] = line[30'003] = line[99'999] = 2;
    EXPECT_EQ(argmax(values(line, {1, 100'000}, device)).to_vector<int32_t>()[0], 30'003);
  }
}

TEST(Reduce, GradientsOfEqualElementsAndOfZeros) {
  for (Device device : devices()) {
    Tensor x = values({2, 5, 5, 1, 5, 0}, {2, 3}, device);
    x.watch(Tensor::empty_like(x));
    Tape tape;
    tape.backward(sum(max(x, 1)));
    EXPECT_EQ(x.leaf()->gradient.to_vector<float>(), (std::vector<float>{0, 0.5f, 0.5f, 0, 1, 0}));
    Tensor z = values({2, 0, 3, 0, 0, 4}, {2, 3}, device);
    z.watch(Tensor::empty_like(z));
    tape.backward(sum(prod(z, 1)));
    EXPECT_EQ(z.leaf()->gradient.to_vector<float>(), (std::vector<float>{0, 6, 0, 0, 0, 0}));
  }
}

}  // namespace
}  // namespace manul
