#include "manul/ops/conv/depthwise_conv2d.h"

#include "manul/framework/tape.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/geometry/pad2d.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(DepthwiseConv2D, OpTest, testing::ValuesIn(depthwise_conv2d_samples()),
                         name_of_sample);

const ErrorSample depthwise_conv2d_errors[] = {
    {"channels",
     [] {
       depthwise_conv2d(Tensor::zeros({1, 5, 5, 3}), Tensor::zeros({3, 3, 4, 1}), Tensor());
     },
     "depthwise_conv2d: input [1, 5, 5, 3] does not fit kernel [3, 3, 4, 1]"},
    {"bias",
     [] {
       depthwise_conv2d(Tensor::zeros({1, 5, 5, 3}), Tensor::zeros({3, 3, 3, 2}), Tensor::zeros({3}));
     },
     "depthwise_conv2d: bias [3] does not fit kernel [3, 3, 3, 2] (want [6])"},
    {"window",
     [] {
       depthwise_conv2d(Tensor::zeros({1, 2, 5, 3}), Tensor::zeros({3, 3, 3, 1}), Tensor());
     },
     "depthwise_conv2d: window [3, 3] with dilation [1, 1] does not fit input [1, 2, 5, 3]"},
    {"border",
     [] {
       depthwise_conv2d(Tensor::zeros({1, 2, 5, 3}), Tensor::zeros({3, 3, 3, 1}), Tensor(),
                        {.borders = {{-1, 2}, 0}});
     },
     "depthwise_conv2d: borders of [-1, 2] rows and [0, 0] columns; each must be between 0 and 1073741824"},
};
INSTANTIATE_TEST_SUITE_P(DepthwiseConv2D, OpErrorTest, testing::ValuesIn(depthwise_conv2d_errors),
                         name_of_sample);

TEST(DepthwiseConv2D, TakesAnEmptyBatch) {
  Tensor kernel = Tensor::full({3, 3, 3, 1}, 1), gradient = Tensor::full({3, 3, 3, 1}, 7);
  kernel.watch(gradient);
  Tape tape;
  Tensor y = depthwise_conv2d(Tensor::zeros({0, 5, 5, 3}), kernel, Tensor());
  EXPECT_EQ(y.shape(), (Shape{0, 3, 3, 3}));
  tape.backward(y, Tensor::zeros(y.shape()));
  EXPECT_EQ(gradient.to_vector<float>(), std::vector<float>(27, 0));
}

TEST(DepthwiseConv2D, TakesADilationFarBeyondThePicture) {
  Tensor x = Tensor::full({1, 3, 3, 1}, 2), kernel = Tensor::full({3, 3, 1, 1}, 5);
  constexpr int64_t far = 1 << 28;
  Tensor y = depthwise_conv2d(x, kernel, Tensor(), {.padding = Padding::same, .dilation = {far, far}});
  EXPECT_EQ(y.to_vector<float>(), std::vector<float>(9, 10));
}

/// A kernel with zeros for all other channels is a convolution that gives the same.
TEST(DepthwiseConv2D, IsAConvolutionWithADiagonalKernel) {
  constexpr int64_t channels = 19;
  Tensor x = test_values({2, 9, 10, channels}, 1), kernel = test_values({3, 3, channels, 1}, 2);
  Tensor dense = Tensor::zeros({channels, 3, 3, channels});
  for (int64_t tap = 0; tap < 9; ++tap)
    for (int64_t c = 0; c < channels; ++c)
      dense.mutable_data<float>()[(c * 9 + tap) * channels + c] = kernel.data<float>()[tap * channels + c];
  for (Padding padding : {Padding::valid, Padding::same})
    for (int64_t stride : {1, 2}) {
      Tensor y = depthwise_conv2d(x, kernel, Tensor(), {.strides = {stride, stride}, .padding = padding});
      Tensor expected = conv2d(x, dense, Tensor(), {.strides = {stride, stride}, .padding = padding});
      EXPECT_LE(normalised_error(y, expected), 1e-6);
    }
}

TEST(DepthwiseConv2D, BordersAreThoseOfAPaddedPicture) {
  Tensor x = test_values({2, 9, 10, 5}, 1, DType::f64), kernel = test_values({3, 4, 5, 2}, 2, DType::f64);
  for (Padding padding : {Padding::valid, Padding::same})
    for (int64_t stride : {1, 2, 3, 5})
      for (const Borders2D& borders : {Borders2D(1), Borders2D({0, 1}, {2, 0}), Borders2D({3, 4}, {5, 0})}) {
        DepthwiseConv2DOptions options{.strides = {stride, stride}, .padding = padding};
        Tensor padded = zero_pad2d(x, borders.rows, borders.columns);
        Tensor expected = depthwise_conv2d(padded, kernel, Tensor(), options);
        options.borders = borders;
        EXPECT_LE(normalised_error(depthwise_conv2d(x, kernel, Tensor(), options), expected), 1e-14);
      }
}

}  // namespace
}  // namespace manul
