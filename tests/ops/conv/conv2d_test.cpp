#include "manul/ops/conv/conv2d.h"

#include "manul/framework/tape.h"
#include "manul/ops/conv/conv2d_products.h"
#include "manul/ops/geometry/pad2d.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Conv2D, OpTest, testing::ValuesIn(conv2d_samples()), name_of_sample);

void run(const Shape& x, const Shape& kernel, const Shape& bias, const Conv2DOptions& options = {}) {
  conv2d(Tensor::zeros(x), Tensor::zeros(kernel), Tensor::zeros(bias), options);
}

const ErrorSample conv2d_errors[] = {
    {"channels",
     [] {
       run({32, 64, 64, 3}, {32, 3, 3, 1}, {32});
     },
     "conv2d: input [32, 64, 64, 3] does not fit kernel [32, 3, 3, 1]"},
    {"groups",
     [] {
       run({1, 5, 5, 4}, {4, 3, 3, 4}, {4}, {.groups = 2});
     },
     "conv2d: input [1, 5, 5, 4] does not fit kernel [4, 3, 3, 4] in 2 groups (want [filters, height, width"},
    {"uneven_groups",
     [] {
       run({1, 5, 5, 4}, {3, 3, 3, 2}, {3}, {.groups = 2});
     },
     "does not fit kernel [3, 3, 3, 2] in 2 groups"},
    {"no_groups",
     [] {
       run({1, 5, 5, 4}, {3, 3, 3, 2}, {3}, {.groups = 0});
     },
     "conv2d: 0 groups; it must be at least 1"},
    {"rank",
     [] {
       run({64, 64, 3}, {32, 3, 3, 3}, {32});
     },
     "conv2d: input [64, 64, 3] does not fit kernel"},
    {"bias",
     [] {
       run({1, 5, 5, 3}, {4, 3, 3, 3}, {3});
     },
     "conv2d: bias [3] does not fit kernel [4, 3, 3, 3]"},
    {"window_too_large",
     [] {
       run({1, 4, 5, 3}, {4, 3, 3, 3}, {4}, {.dilation = {2, 2}});
     },
     "conv2d: window [3, 3] with dilation [2, 2] does not fit input [1, 4, 5, 3]"},
    {"window_too_large_for_borders",
     [] {
       run({1, 4, 5, 3}, {4, 9, 3, 3}, {4}, {.borders = {{3, 1}, {0, 2}}});
     },
     "conv2d: window [9, 3] with dilation [1, 1] does not fit input [1, 4, 5, 3] with borders of [3, 1] rows "
     "and [0, 2] columns"},
    {"negative_border",
     [] {
       run({1, 4, 5, 3}, {4, 3, 3, 3}, {4}, {.borders = {{0, 1}, {-1, 0}}});
     },
     "conv2d: borders of [0, 1] rows and [-1, 0] columns; each must be between 0 and 1073741824"},
    {"stride",
     [] {
       run({1, 5, 5, 3}, {4, 3, 3, 3}, {4}, {.strides = {0, 1}});
     },
     "conv2d: strides [0, 1] must be positive"},
    {"dilation",
     [] {
       run({1, 5, 5, 3}, {4, 3, 3, 3}, {4}, {.dilation = {1, int64_t{1} << 62}});
     },
     "conv2d: dilation [1, 4611686018427387904] must be"},
    {"dtypes",
     [] {
       conv2d(Tensor::zeros({1, 5, 5, 3}), Tensor::zeros({4, 3, 3, 3}, DType::f64), Tensor());
     },
     "conv2d: input is f32, kernel f64, bias none"},
};
INSTANTIATE_TEST_SUITE_P(Conv2D, OpErrorTest, testing::ValuesIn(conv2d_errors), name_of_sample);

TEST(Conv2D, TakesAnEmptyBatch) {
  Tensor kernel = Tensor::full({4, 3, 3, 3}, 1), gradient = Tensor::full({4, 3, 3, 3}, 7);
  kernel.watch(gradient);
  Tape tape;
  Tensor y = conv2d(Tensor::zeros({0, 5, 5, 3}), kernel, Tensor());
  EXPECT_EQ(y.shape(), (Shape{0, 3, 3, 4}));
  tape.backward(y, Tensor::zeros(y.shape()));
  EXPECT_EQ(gradient.to_vector<float>(), std::vector<float>(kernel.elements(), 0));
}

/// Most taps never touch the picture: no memory for the padding they ask for, and no gradient.
TEST(Conv2D, TakesADilationFarBeyondThePicture) {
  Tensor x = Tensor::full({1, 3, 3, 1}, 2), kernel = Tensor::full({1, 3, 3, 1}, 5);
  Tensor dx = Tensor::empty_like(x), dkernel = Tensor::empty_like(kernel);
  x.watch(dx);
  kernel.watch(dkernel);
  Tape tape;
  constexpr int64_t far = 1 << 28;
  Tensor y = conv2d(x, kernel, Tensor(), {.padding = Padding::same, .dilation = {far, far}});
  EXPECT_EQ(y.to_vector<float>(), std::vector<float>(9, 10));
  tape.backward(y, Tensor::full(y.shape(), 1));
  EXPECT_EQ(dx.to_vector<float>(), std::vector<float>(9, 5));
  EXPECT_EQ(dkernel.to_vector<float>(), (std::vector<float>{0, 0, 0, 0, 18, 0, 0, 0, 0}));
}

/// Whatever cuDNN would have taken: the way without it, with room for one product at a time and for all.
TEST(Conv2D, KernelGradientByProductsAgreesWithTheCpu) {
  std::optional<Device> gpu = test_gpu();
  if (!gpu) GTEST_SKIP() << why_no_gpu();
  struct Case {
    Shape x, kernel;
    Window2D window;
  };
  for (const Case& c : {Case{{3, 45, 61, 3}, {8, 7, 7, 3}, {{7, 7}, {2, 2}, Padding::same}},
                        Case{{2, 33, 70, 5}, {4, 3, 2, 5}, {{3, 2}, {1, 3}, Padding::valid, {2, 1}}},
                        Case{{5, 40, 44, 6}, {7, 1, 1, 6}, {}}}) {
    WindowGeometry geometry = lay_window("conv2d", c.x, c.window);
    Tensor x = test_values(c.x, 1);
    Tensor dy = test_values({c.x[0], geometry.output[0], geometry.output[1], c.kernel[0]}, 2);
    Tensor expected = Tensor::empty(c.kernel);
    conv2d_backward_kernel_kernel(x, dy, geometry, expected, Tensor());
    for (int64_t most : {int64_t{1}, int64_t{1} << 25}) {
      Tensor seen = Tensor::empty(c.kernel, DType::f32, *gpu);
      kernel_gradient_by_products_kernel(x.to(*gpu), dy.to(*gpu), geometry, seen, most);
      EXPECT_LE(normalised_error(seen, expected), 1e-5) << c.kernel.text();
    }
  }
}

TEST(Conv2D, BordersAreThoseOfAPaddedPicture) {
  Tensor x = test_values({2, 9, 10, 5}, 1, DType::f64), kernel = test_values({4, 3, 4, 5}, 2, DType::f64);
  for (Padding padding : {Padding::valid, Padding::same})
    for (int64_t stride : {1, 2, 3, 5})
      for (const Borders2D& borders : {Borders2D(1), Borders2D({0, 1}, {2, 0}), Borders2D({3, 4}, {5, 0})}) {
        Conv2DOptions options{.strides = {stride, stride}, .padding = padding};
        Tensor expected = conv2d(zero_pad2d(x, borders.rows, borders.columns), kernel, Tensor(), options);
        options.borders = borders;
        EXPECT_LE(normalised_error(conv2d(x, kernel, Tensor(), options), expected), 1e-14);
      }
}

}  // namespace
}  // namespace manul
