#include "manul/ops/pool/pool2d.h"

#include <cmath>
#include <limits>

#include "manul/framework/tape.h"
#include "manul/ops/geometry/pad2d.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Pool2D, OpTest, testing::ValuesIn(pool2d_samples()), name_of_sample);

const ErrorSample pool2d_errors[] = {
    {"rank",
     [] {
       max_pool2d(Tensor::zeros({7, 5, 3}));
     },
     "max_pool2d: input [7, 5, 3] is not [batch, height, width, channels]"},
    {"too_large",
     [] {
       average_pool2d(Tensor::zeros({1, 2, 1, 3}));
     },
     "average_pool2d: window [2, 2] with dilation [1, 1] does not fit input [1, 2, 1, 3]"},
    {"pool",
     [] {
       max_pool2d(Tensor::zeros({1, 2, 2, 3}), {.pool = {2, 0}});
     },
     "max_pool2d: window [2, 0] must be positive"},
    {"integers",
     [] {
       max_pool2d(Tensor::zeros({1, 2, 2, 3}, DType::u8));
     },
     "max_pool2d: works on f32 and f64, not on u8"},
    {"average_borders",
     [] {
       average_pool2d(Tensor::zeros({1, 4, 4, 1}), {.borders = 1});
     },
     "average_pool2d: borders of zeros are for max_pool2d; pad its input"},
    {"global_rank",
     [] {
       global_average_pool2d(Tensor::zeros({7, 5}));
     },
     "global_average_pool2d: input [7, 5] is not"},
};
INSTANTIATE_TEST_SUITE_P(Pool2D, OpErrorTest, testing::ValuesIn(pool2d_errors), name_of_sample);

TEST(MaxPool2D, GivesTheGradientToTheFirstOfEqualValues) {
  Tensor x = Tensor::from(std::vector<float>{-1, -1, -1, -1, 0, 2, 2, 1}, {2, 2, 2, 1});
  x.watch(Tensor::empty_like(x));
  Tape tape;
  Tensor y = max_pool2d(x);
  tape.backward(y, Tensor::from(std::vector<float>{3, 5}, {2, 1, 1, 1}));
  EXPECT_EQ(x.leaf()->gradient.to_vector<float>(), (std::vector<float>{3, 0, 0, 0, 0, 5, 0, 0}));
}

TEST(MaxPool2D, PaddingNeverWins) {
  Tensor y = max_pool2d(Tensor::full({1, 3, 3, 1}, -7), {.padding = Padding::same});
  EXPECT_EQ(y.to_vector<float>(), std::vector<float>(4, -7));
}

TEST(MaxPool2D, BordersAreThoseOfAPaddedPicture) {
  const Borders2D borders[] = {1, {{2, 0}, {0, 3}}, {{5, 4}, 3}};
  for (Device device : test_devices())
    for (const Borders2D& around : borders)
      for (int64_t length : {2, 3, 4}) {
        Tensor x = test_values({2, 7, 6, 8}, 3, DType::f32, device, -1, 0.2);  // often the zeros win
        Pool2DOptions options{{length, length}, {2, 2}};
        Tensor wanted = max_pool2d(zero_pad2d(x, around.rows, around.columns), options);
        options.borders = around;
        EXPECT_EQ(max_pool2d(x, options).to_vector<float>(), wanted.to_vector<float>()) << length;
      }
}

/// The gradient of a later use of the input is there already, as a skip connection's: channels in packs and
/// one by one, windows apart and overlapping.
TEST(MaxPool2D, AddsItsGradientToWhatIsThere) {
  for (Device device : test_devices())
    for (DType dtype : {DType::f32, DType::bf16})
      for (int64_t channels : {3, 4, 16})
        for (int64_t length : {2, 3, 17}) {
          if (device.is_cpu() && dtype == DType::bf16) continue;
          Tensor values = test_values({2, 19, 18, channels}, 3, DType::f32, device, -1, 1);
          Tensor factors = test_values(values.shape(), 4, DType::f32, device, -1, 1);
          auto gradient = [&](bool pools, bool skips) {
            Tape tape;
            Tensor leaf = values.clone();
            leaf.watch(Tensor::empty_like(leaf));
            Tensor x = cast(scale(leaf, 0.5), dtype), y;
            if (pools) y = sum(square(cast(max_pool2d(x, {{length, length}, {2, 2}}), DType::f32)));
            if (skips) {
              Tensor skip = sum(multiply(cast(x, DType::f32), factors));
              y = pools ? add(y, skip) : skip;
            }
            tape.backward(y);
            return leaf.leaf()->gradient.to(Device());
          };
          Tensor both = gradient(true, true), wanted = add(gradient(true, false), gradient(false, true));
          EXPECT_LE(normalised_error(both, wanted), dtype == DType::f32 ? 1e-6 : 8e-3)
              << device.name() << ' ' << name_of(dtype) << ' ' << channels << ' ' << length;
        }
}

TEST(MaxPool2D, PassesNaNOn) {
  for (int place = 0; place < 4; ++place) {
    std::vector<float> values{1, 2, 3, 4};
    values[place] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(max_pool2d(Tensor::from(values, {1, 2, 2, 1})).item<float>())) << place;
  }
}

}  // namespace
}  // namespace manul
