#include "manul/ops/geometry/pad2d.h"
#include "manul/ops/geometry/resize2d.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Geometry, OpTest, testing::ValuesIn(geometry_samples()), name_of_sample);

const ErrorSample geometry_errors[] = {
    {"pad_negative",
     [] {
       zero_pad2d(Tensor::zeros({1, 2, 2, 1}), {-1, 0}, 0);
     },
     "zero_pad2d: a border of [-1, 0] rows and [0, 0] columns"},
    {"pad_rank",
     [] {
       zero_pad2d(Tensor::zeros({2, 2, 1}), 1, 1);
     },
     "zero_pad2d: input [2, 2, 1] is not [batch, height, width, channels]"},
    {"crop_all",
     [] {
       crop2d(Tensor::zeros({1, 2, 3, 1}), {1, 1}, 0);
     },
     "crop2d: nothing is left of [1, 2, 3, 1] without [1, 1] rows and [0, 0] columns"},
    {"resize_to_nothing",
     [] {
       resize2d(Tensor::zeros({1, 2, 3, 1}), {0, 3}, ResizeInterpolation::nearest);
     },
     "resize2d: [1, 2, 3, 1] to 0 x 3: lengths must be from 1 to"},
    {"upsample_by_nothing",
     [] {
       upsample2d(Tensor::zeros({1, 2, 3, 1}), {2, 0});
     },
     "upsample2d: factors [2, 0] must be from 1"},
};
INSTANTIATE_TEST_SUITE_P(Geometry, OpErrorTest, testing::ValuesIn(geometry_errors), name_of_sample);

TEST(Geometry, UpsamplingRepeatsPixels) {
  Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4}, {1, 2, 2, 1});
  EXPECT_EQ(upsample2d(x, {2, 3}).to_vector<float>(),
            (std::vector<float>{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4}));
}

}  // namespace
}  // namespace manul
