#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "manul/framework/elementary.h"
#include "manul/ops/fused/conv_relu_pool.h"
#include "manul/ops/optimizers/optimizers.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/unary_functions.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/testing/op_check.h"

// Kernels on a GPU read operands before the former kernel is done, unless that one makes them (Accesses of
// framework/cuda/accesses.h): here it does, and is slow.
namespace manul {
namespace {

/// y = factor * x
void scale_into(const Tensor& y, double factor, const Tensor& x) {
  unary_kernel(Unary{pointwise::unary_place<pointwise::Scale>, {factor}}, x, y);
}

struct Interval {
  int64_t begin, count;
};

class SettledTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_gpu()) GTEST_SKIP() << why_no_gpu();
    device = *test_gpu();
  }

  Tensor values(const Shape& shape, uint64_t salt) const {
    return test_values(shape, salt, DType::f32, device);
  }

  /// Work that the next kernels wait for, so that they are set up together.
  void keep_busy() const {
    static const Tensor much = values({int64_t{1} << 24}, 1), more = Tensor::empty_like(much);
    scale_into(more, 2.0, much);
  }

  /// Fills `operand` anew, then uses it at once or after another kernel, many times; each result must be that
  /// of a use that waited.
  void expect_fresh(const Tensor& operand, const Tensor& result, const std::function<void()>& use) const {
    Tensor other = values({64, 64}, 98), another = Tensor::empty_like(other);
    Tensor source = values(operand.shape(), 99);
    for (int i = 0; i < 20; ++i) {
      double factor = 1 + 0.25 * i;
      scale_into(operand, factor, source);
      synchronize(device);
      use();
      Tensor expected = result.clone();
      fill_kernel(double{NAN}, operand);
      fill_kernel(double{NAN}, result);
      keep_busy();
      scale_into(operand, factor, source);
      if (i % 2 == 1) scale_into(another, factor, other);
      use();
      ASSERT_TRUE(equal_bits(result, expected)) << i;
    }
  }

  Device device;
};

TEST_F(SettledTest, ConvReluPool) {
  for (int64_t batch : {32, 256}) {
    Tensor x = values({batch, 64, 64, 3}, 2), kernel = values({32, 3, 3, 3}, 3), bias = values({32}, 4),
           pooled = Tensor::empty({batch, 10, 10, 32}, DType::f32, device),
           winner = Tensor::empty(pooled.shape(), DType::u8, device), dpooled = values(pooled.shape(), 5),
           dkernel = Tensor::empty_like(kernel), dbias = Tensor::empty_like(bias);
    WindowGeometry conv = lay_window("test", x.shape(), {.size = {3, 3}, .strides = {3, 3}});
    auto forward = [&] { conv_relu_pool_forward_kernel(x, kernel, bias, conv, pooled, winner); };
    expect_fresh(x, pooled, forward);
    expect_fresh(kernel, pooled, forward);
    auto backward = [&] { conv_relu_pool_backward_kernel(x, winner, dpooled, conv, dkernel, dbias); };
    expect_fresh(x, dkernel, backward);
    expect_fresh(dpooled, dkernel, backward);
  }
}

/// Steps of an optimizer that updates while gradients are still made, all, or those at either end, or while a
/// sum that counts its blocks runs. Few enough for both kernels to be on the GPU at the same time.
TEST_F(SettledTest, Update) {
  constexpr int64_t count = 1 << 17;
  DeviceStepState state(device);
  Tensor old = values({count}, 2), added = values({count}, 3), gradients = Tensor::empty_like(old),
         parameters = Tensor::empty_like(old), m = Tensor::empty_like(old), v = Tensor::empty_like(old),
         total = Tensor::empty({}, DType::f32, device);
  auto trained = [&](Interval range, bool wait) {
    Tensor some = gradients.range(range.begin, {range.count}), more = added.range(range.begin, {range.count});
    for (const Tensor& slot : {parameters, m, v}) slot.fill_zero();
    state.write({.learning_rate = 0.01});
    keep_busy();
    for (int step = 0; step < 10; ++step) {
      scale_into(gradients, 1 - 0.3 * step, old);
      accumulate_kernel(more, some);
      if (step % 2 == 0)
        accumulate_kernel(more, some);
      else
        sum_kernel(old, 1.0, total);
      if (wait) synchronize(device);
      run_update(AdamOptions{}, Update{.state = state.tensor(),
                                       .samples = 1,
                                       .gradients = gradients,
                                       .values = parameters,
                                       .slots = {m, v}});
      if (wait) synchronize(device);
    }
    EXPECT_EQ(state.read().iteration, 10);
    EXPECT_EQ(state.read().position, 10);
    return parameters.clone();
  };
  for (Interval range : {Interval{0, count}, Interval{0, count / 2}, Interval{count / 2, count / 2}, Interval{16, 48}})
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(equal_bits(trained(range, false), trained(range, true))) << range.begin;
}

}  // namespace
}  // namespace manul
