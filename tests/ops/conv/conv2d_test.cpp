#include "manul/ops/conv/conv2d.h"

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/conv/conv2d_few_filters.h"
#include "manul/ops/conv/conv2d_gradient_tiles.h"
#include "manul/ops/conv/conv2d_products.h"
#include "manul/ops/conv/conv2d_winograd.h"
#include "manul/ops/geometry/pad2d.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"
#include "manul/tests/tf32_scope.h"

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

struct ConvolutionCase {
  Shape x, kernel;
  Window2D window;
};

/// Test values in f32 for a convolution, and what the CPU makes of them in `dtype`.
struct Convolution {
  WindowGeometry geometry;
  Tensor x, kernel, bias, dy, y, y_without_bias, dx, dkernel;
  explicit Convolution(const ConvolutionCase& c, DType dtype = DType::f32)
      : geometry(lay_window("conv2d", c.x, c.window)) {
    x = test_values(c.x, 1), kernel = test_values(c.kernel, 2), bias = test_values({c.kernel[0]}, 3);
    dy = test_values({c.x[0], geometry.output[0], geometry.output[1], c.kernel[0]}, 4);
    auto exact = [dtype](const Tensor& t) { return cast(t, dtype); };
    y = exact(dy).clone(), y_without_bias = exact(dy).clone();
    dx = exact(x).clone(), dkernel = exact(kernel).clone();
    conv2d_forward_kernel(exact(x), exact(kernel), exact(bias), geometry, y);
    conv2d_forward_kernel(exact(x), exact(kernel), Tensor(), geometry, y_without_bias);
    conv2d_backward_input_kernel(exact(dy), exact(kernel), geometry, dx);
    conv2d_backward_kernel_kernel(exact(x), exact(dy), geometry, dkernel, Tensor());
  }
};

constexpr double f32_tolerance = 1e-5;

/// Whatever cuDNN would have taken: the way without it, with room for one product at a time and for all.
TEST(Conv2D, KernelGradientByProductsAgreesWithTheCpu) {
  std::optional<Device> gpu = test_gpu();
  if (!gpu) GTEST_SKIP() << why_no_gpu();
  for (const ConvolutionCase& one :
       {ConvolutionCase{{3, 45, 61, 3}, {8, 7, 7, 3}, {{7, 7}, {2, 2}, Padding::same}},
        ConvolutionCase{{2, 33, 70, 5}, {4, 3, 2, 5}, {{3, 2}, {1, 3}, Padding::valid, {2, 1}}},
        ConvolutionCase{{5, 40, 44, 6}, {7, 1, 1, 6}, {}}}) {
    Convolution c(one);
    for (int64_t most : {int64_t{1}, int64_t{1} << 25}) {
      Tensor seen = Tensor::empty(c.kernel.shape(), DType::f32, *gpu);
      kernel_gradient_by_products_kernel(c.x.to(*gpu), c.dy.to(*gpu), c.geometry, seen, most);
      EXPECT_LE(normalised_error(seen, c.dkernel), f32_tolerance) << c.kernel.shape().text();
    }
  }
}

/// `forward` and `input_gradient` on a GPU, with room for `most` elements: with and without a bias, written
/// and added.
template <class Forward, class InputGradient>
void expect_like_the_cpu(const Convolution& c, Device gpu, int64_t most, const Forward& forward,
                         const InputGradient& input_gradient) {
  Tensor x = c.x.to(gpu), kernel = c.kernel.to(gpu), dy = c.dy.to(gpu);
  Tensor y = Tensor::empty(c.y.shape(), DType::f32, gpu), dx = Tensor::full(c.x.shape(), 1, DType::f32, gpu);
  forward(x, kernel, c.bias.to(gpu), c.geometry, most, y);
  EXPECT_LE(normalised_error(y, c.y), f32_tolerance) << c.kernel.shape().text();
  forward(x, kernel, Tensor(), c.geometry, most, y);
  EXPECT_LE(normalised_error(y, c.y_without_bias), f32_tolerance) << c.kernel.shape().text();
  input_gradient(dy, kernel, c.geometry, true, most, dx);
  EXPECT_LE(normalised_error(dx.to(Device()) + -1.0, c.dx), f32_tolerance) << c.kernel.shape().text();
  input_gradient(dy, kernel, c.geometry, false, most, dx);
  EXPECT_LE(normalised_error(dx, c.dx), f32_tolerance) << c.kernel.shape().text();
}

TEST(Conv2D, ProductsAgreeWithTheCpu) {
  std::optional<Device> gpu = test_gpu();
  if (!gpu) GTEST_SKIP() << why_no_gpu();
  for (const ConvolutionCase& one :
       {ConvolutionCase{{3, 45, 61, 3}, {8, 7, 7, 3}, {{7, 7}, {2, 2}, Padding::same}},
        ConvolutionCase{{2, 33, 70, 5}, {4, 3, 2, 5}, {{3, 2}, {1, 3}, Padding::valid, {2, 1}}},
        ConvolutionCase{{5, 21, 22, 8}, {7, 3, 3, 8}, {{3, 3}, {2, 2}, Padding::same, {1, 1}, {{0, 2}, 1}}},
        ConvolutionCase{{5, 14, 13, 12}, {16, 1, 1, 12}, {{1, 1}, {2, 2}}},
        ConvolutionCase{{5, 40, 44, 6}, {7, 1, 1, 6}, {}}}) {
    Convolution c(one);
    int64_t pixels = c.dy.elements() / c.kernel.shape()[0],
            columns = c.kernel.elements() / c.kernel.shape()[0];
    int64_t picture = std::max(pixels * columns, c.x.elements()) / c.geometry.batch;
    for (int64_t most : {picture, int64_t{1} << 26})
      expect_like_the_cpu(c, *gpu, most, forward_by_products_kernel, input_gradient_by_products_kernel);
  }
}

/// TF32 has 10 bits behind the point.
constexpr double tf32_tolerance = 2e-3, rounded_tf32_tolerance = 8e-4;

/// cuDNN takes TF32 where it can, and cuts what it multiplies.
TEST(Conv2D, SpaceToDepthInTf32AgreesWithTheSum) {
  std::optional<Device> gpu = test_gpu();
  if (!gpu) GTEST_SKIP() << why_no_gpu();
  Tf32Scope tf32;
  for (const ConvolutionCase& one :
       {ConvolutionCase{{3, 45, 61, 3}, {8, 7, 7, 3}, {{7, 7}, {2, 2}, Padding::valid, {1, 1}, 3}},
        ConvolutionCase{{2, 33, 70, 3}, {16, 3, 3, 3}, {{3, 3}, {2, 2}, Padding::same}},
        ConvolutionCase{{2, 32, 48, 3}, {24, 16, 16, 3}, {{16, 16}, {16, 16}}}}) {
    Convolution c(one, DType::f64);
    Tensor x = c.x.to(*gpu), kernel = c.kernel.to(*gpu), dy = c.dy.to(*gpu),
           y = Tensor::empty(c.y.shape(), DType::f32, *gpu);
    Tensor dkernel = Tensor::empty(c.kernel.shape(), DType::f32, *gpu);
    conv2d_forward_kernel(x, kernel, c.bias.to(*gpu), c.geometry, y);
    conv2d_backward_kernel_kernel(x, dy, c.geometry, dkernel, Tensor());
    EXPECT_LE(normalised_error(y, c.y), tf32_tolerance) << c.kernel.shape().text();
    EXPECT_LE(normalised_error(dkernel, c.dkernel), tf32_tolerance) << c.kernel.shape().text();
  }
}

/// Odd sizes and borders; channels one by one and in fours, in one chunk and in several; some pictures a
/// tile; few and many filters. Rounded to the nearest: closer than cuDNN, which cuts.
TEST(Conv2D, KernelGradientByTilesAgreesWithTheSum) {
  std::optional<Device> gpu = test_gpu();
  if (!gpu) GTEST_SKIP() << why_no_gpu();
  Window2D same{{3, 3}, {1, 1}, Padding::same}, apart{{3, 3}}, even{{2, 2}, {1, 1}, Padding::same};
  apart.borders = {{0, 3}, {1, 0}};
  for (const ConvolutionCase& one :
       {ConvolutionCase{{2, 37, 53, 32}, {32, 3, 3, 32}, same},
        ConvolutionCase{{2, 23, 130, 64}, {64, 3, 3, 64}, same},
        ConvolutionCase{{3, 17, 19, 20}, {33, 5, 3, 20}, {{5, 3}, {1, 1}, Padding::same}},
        ConvolutionCase{{2, 29, 31, 96}, {100, 3, 3, 96}, apart},
        ConvolutionCase{{9, 2, 2, 64}, {128, 3, 3, 64}, same},
        ConvolutionCase{{7, 5, 3, 12}, {6, 2, 2, 12}, even},
        ConvolutionCase{{3, 45, 61, 3}, {64, 7, 7, 3}, {{7, 7}, {2, 2}, Padding::same}},
        ConvolutionCase{{1, 40, 41, 1}, {5, 3, 3, 1}, {{3, 3}, {1, 1}, Padding::valid, {2, 3}}},
        ConvolutionCase{{2, 20, 22, 130}, {16, 5, 5, 130}, {{5, 5}, {3, 1}, Padding::same}},
        ConvolutionCase{{2, 30, 34, 32}, {64, 2, 2, 32}, {{2, 2}, {2, 2}}},
        ConvolutionCase{{2, 50, 40, 24}, {2, 1, 1, 24}, {}}}) {
    Convolution c(one, DType::f64);
    Tensor x = c.x.to(*gpu), dy = c.dy.to(*gpu);
    Tensor dkernel = Tensor::full(c.kernel.shape(), 7, DType::f32, *gpu);
    kernel_gradient_by_tiles_kernel(x, dy, c.geometry, dkernel);
    EXPECT_LE(normalised_error(dkernel, c.dkernel), rounded_tf32_tolerance) << c.kernel.shape().text();
    Tensor again = Tensor::empty_like(dkernel);
    kernel_gradient_by_tiles_kernel(x, dy, c.geometry, again);
    EXPECT_TRUE(equal_bits(again.to(Device()), dkernel.to(Device()))) << c.kernel.shape().text();
  }
}

/// Whatever way a shape goes: convolutions with few filters, of 1x1 with strides (in one product and in
/// several), of small pictures with many channels. In TF32 twice the same, in true f32 exact.
TEST(Conv2D, GradientsOnAGpuAgreeWithTheSumInTf32AndInF32) {
  std::optional<Device> gpu = test_gpu();
  if (!gpu) GTEST_SKIP() << why_no_gpu();
  Window2D same{{3, 3}, {1, 1}, Padding::same}, halving{{3, 3}, {2, 2}, Padding::same};
  for (const ConvolutionCase& one : {ConvolutionCase{{2, 20, 18, 64}, {32, 3, 3, 64}, same},
                                     ConvolutionCase{{4, 11, 12, 64}, {96, 1, 1, 64}, {{1, 1}, {2, 2}}},
                                     ConvolutionCase{{6, 40, 44, 64}, {96, 1, 1, 64}, {{1, 1}, {2, 2}}},
                                     ConvolutionCase{{5, 2, 3, 264}, {256, 3, 3, 264}, same},
                                     ConvolutionCase{{5, 5, 6, 136}, {256, 3, 3, 136}, halving}}) {
    Convolution c(one, DType::f64);
    Tensor x = c.x.to(*gpu), dy = c.dy.to(*gpu), kernel = c.kernel.to(*gpu);
    auto gradients = [&] {
      std::vector<Tensor> all{Tensor::empty_like(kernel), Tensor::empty_like(x),
                              Tensor::full(x.shape(), 1, DType::f32, *gpu)};
      conv2d_backward_kernel_kernel(x, dy, c.geometry, all[0], Tensor());
      conv2d_backward_input_kernel(dy, kernel, c.geometry, all[1]);
      conv2d_add_backward_input_kernel(dy, kernel, c.geometry, all[2]);
      return all;
    };
    auto expect_close = [&](const std::vector<Tensor>& seen, double tolerance) {
      EXPECT_LE(normalised_error(seen[0], c.dkernel), tolerance) << c.kernel.shape().text();
      EXPECT_LE(normalised_error(seen[1], c.dx), tolerance) << c.kernel.shape().text();
      EXPECT_LE(normalised_error(seen[2].to(Device()) + -1.0, c.dx), tolerance) << c.kernel.shape().text();
    };
    expect_close(gradients(), f32_tolerance);
    Tf32Scope tf32;
    std::vector<Tensor> seen = gradients(), again = gradients();
    expect_close(seen, tf32_tolerance);
    for (size_t i = 0; i < seen.size(); ++i)
      EXPECT_TRUE(equal_bits(seen[i].to(Device()), again[i].to(Device()))) << c.kernel.shape().text();
  }
}

/// Windows side by side, that cover the picture and that leave some of it out: products of gathered windows.
TEST(Conv2D, WindowsSideBySideInTf32AgreeWithTheSum) {
  std::optional<Device> gpu = test_gpu();
  if (!gpu) GTEST_SKIP() << why_no_gpu();
  Tf32Scope tf32;
  for (const ConvolutionCase& one : {ConvolutionCase{{3, 20, 26, 32}, {24, 2, 2, 32}, {{2, 2}, {2, 2}}},
                                     ConvolutionCase{{2, 7, 11, 8}, {5, 2, 3, 8}, {{2, 3}, {2, 3}}}}) {
    Convolution c(one, DType::f64);
    for (bool has_bias : {false, true}) {
      Tensor y = Tensor::full(c.y.shape(), 7, DType::f32, *gpu);
      conv2d_forward_kernel(c.x.to(*gpu), c.kernel.to(*gpu), has_bias ? c.bias.to(*gpu) : Tensor(),
                            c.geometry, y);
      EXPECT_LE(normalised_error(y, has_bias ? c.y : c.y_without_bias), tf32_tolerance)
          << c.kernel.shape().text();
    }
  }
}

/// Fewer packs of channels than lanes and more; with and without a bias, written and added. A picture alone
/// has the bits that it has among others.
TEST(Conv2D, FewFiltersAgreeWithTheSum) {
  std::optional<Device> gpu = test_gpu();
  if (!gpu) GTEST_SKIP() << why_no_gpu();
  for (DType dtype : {DType::f32, DType::bf16})
    for (int64_t channels : {8, 32, 104, 256})
      for (int64_t filters : {1, 2, 3, 5, 8}) {
        Convolution c({{3, 5, 7, channels}, {filters, 1, 1, channels}, {}}, DType::f64);
        double tolerance = dtype == DType::f32 ? 2e-6 : 2e-2;
        auto there = [&](const Tensor& t) { return cast(t.to(*gpu), dtype); };
        Tensor x = there(c.x), kernel = there(c.kernel), bias = there(c.bias), dy = there(c.dy);
        Tensor y = there(Tensor::full(c.y.shape(), 7)), alone = there(Tensor::full({1, 5, 7, filters}, 7));
        std::string text = fmt::format("{} {} {}", name_of(dtype), channels, filters);
        forward_of_few_filters_kernel(x, kernel, Tensor(), c.geometry, y);
        EXPECT_LE(normalised_error(cast(y, DType::f32), c.y_without_bias), tolerance) << text;
        forward_of_few_filters_kernel(x, kernel, bias, c.geometry, y);
        EXPECT_LE(normalised_error(cast(y, DType::f32), c.y), tolerance) << text;
        WindowGeometry one = c.geometry;
        one.batch = 1;
        int64_t second = c.x.elements() / 3, second_output = c.y.elements() / 3;
        forward_of_few_filters_kernel(x.range(second, {1, 5, 7, channels}), kernel, bias, one, alone);
        EXPECT_TRUE(equal_bits(alone.to(Device()), y.range(second_output, alone.shape()).to(Device())))
            << text;
        Tensor dx = there(Tensor::full(c.x.shape(), 1));
        input_gradient_of_few_filters_kernel(dy, kernel, c.geometry, true, dx);
        EXPECT_LE(normalised_error(cast(dx, DType::f32).to(Device()) + -1.0, c.dx), tolerance) << text;
        input_gradient_of_few_filters_kernel(dy, kernel, c.geometry, false, dx);
        EXPECT_LE(normalised_error(cast(dx, DType::f32), c.dx), tolerance) << text;
      }
}

/// On every device, with room for a line of tiles, for some and for all, against the plain way in f64.
TEST(Conv2D, WinogradAgreesWithTheSum) {
  Window2D same{{3, 3}, {1, 1}, Padding::same}, valid{{3, 3}}, apart{{3, 3}};
  apart.borders = {{0, 3}, {1, 0}};
  for (const ConvolutionCase& one : {ConvolutionCase{{4, 9, 11, 32}, {48, 3, 3, 32}, same},
                                     ConvolutionCase{{3, 16, 8, 48}, {32, 3, 3, 48}, valid},
                                     ConvolutionCase{{70, 3, 5, 16}, {16, 3, 3, 16}, apart},
                                     ConvolutionCase{{1, 70, 61, 16}, {16, 3, 3, 16}, same},
                                     ConvolutionCase{{3, 20, 18, 96}, {96, 3, 3, 96}, same},
                                     ConvolutionCase{{33, 4, 4, 80}, {272, 3, 3, 80}, same},
                                     ConvolutionCase{{2, 6, 7, 400}, {400, 3, 3, 400}, same}}) {
    Convolution c(one, DType::f64);
    for (Device device : test_devices())
      for (int64_t most : {int64_t{1}, int64_t{100000}, int64_t{1} << 24}) {
        expect_like_the_cpu(c, device, most, forward_by_winograd_kernel, input_gradient_by_winograd_kernel);
        Tensor dkernel = Tensor::empty(c.kernel.shape(), DType::f32, device);
        kernel_gradient_by_winograd_kernel(c.x.to(device), c.dy.to(device), c.geometry, most, dkernel);
        EXPECT_LE(normalised_error(dkernel, c.dkernel), f32_tolerance) << c.kernel.shape().text();
      }
  }
}

TEST(Conv2D, WinogradGivesTheSameBitsWithAnyThreads) {
  Window2D same{{3, 3}, {1, 1}, Padding::same};
  for (const ConvolutionCase& one : {ConvolutionCase{{5, 20, 18, 96}, {96, 3, 3, 96}, same},
                                     ConvolutionCase{{5, 41, 37, 64}, {48, 3, 3, 64}, same},
                                     ConvolutionCase{{2, 6, 7, 272}, {304, 3, 3, 272}, same}}) {
    Convolution c(one, DType::f32);
    auto results = [&](int threads) {
      cpu::set_threads(threads);
      std::vector<Tensor> all{Tensor::empty_like(c.y), Tensor::empty_like(c.x), Tensor::empty_like(c.kernel)};
      constexpr int64_t most = 100000;
      forward_by_winograd_kernel(c.x, c.kernel, c.bias, c.geometry, most, all[0]);
      input_gradient_by_winograd_kernel(c.dy, c.kernel, c.geometry, false, most, all[1]);
      kernel_gradient_by_winograd_kernel(c.x, c.dy, c.geometry, most, all[2]);
      cpu::set_threads(0);
      return all;
    };
    std::vector<Tensor> alone = results(1);
    for (int threads : {2, 3, 7}) {
      std::vector<Tensor> together = results(threads);
      for (size_t i = 0; i < alone.size(); ++i)
        EXPECT_TRUE(equal_bits(together[i], alone[i])) << i << " of " << c.kernel.shape().text();
    }
  }
}

/// y, dx and dkernel of a convolution in one group, as their definition has them, in f64.
std::array<Tensor, 3> by_definition(const Convolution& c) {
  const WindowGeometry& g = c.geometry;
  const int64_t filters = c.kernel.shape()[0], channels = g.channels;
  std::array<Tensor, 3> all{Tensor::zeros(c.y.shape(), DType::f64), Tensor::zeros(c.x.shape(), DType::f64),
                            Tensor::zeros(c.kernel.shape(), DType::f64)};
  const float *x = c.x.data<float>(), *kernel = c.kernel.data<float>(), *dy = c.dy.data<float>();
  double *y = all[0].mutable_data<double>(), *dx = all[1].mutable_data<double>();
  double* dkernel = all[2].mutable_data<double>();
  for (int64_t output = 0; output < g.batch * g.output[0] * g.output[1]; ++output)
    for (int64_t tap = 0; tap < g.size[0] * g.size[1]; ++tap) {
      const int64_t n = output / g.output[1] / g.output[0];
      const int64_t iy = g.source(0, output / g.output[1] % g.output[0], tap / g.size[1]);
      const int64_t ix = g.source(1, output % g.output[1], tap % g.size[1]);
      if (g.is_outside(iy, ix)) continue;
      const int64_t pixel = ((n * g.input[0] + iy) * g.input[1] + ix) * channels;
      for (int64_t f = 0; f < filters; ++f)
        for (int64_t i = 0; i < channels; ++i) {
          const int64_t weight = (f * g.size[0] * g.size[1] + tap) * channels + i, to = output * filters + f;
          y[to] += double{x[pixel + i]} * kernel[weight];
          dx[pixel + i] += double{dy[to]} * kernel[weight];
          dkernel[weight] += double{dy[to]} * x[pixel + i];
        }
    }
  return all;
}

/// Tiles that take several rows or pictures, filters and sums that threads share.
TEST(Conv2D, SmallPicturesAgreeWithTheDefinitionWithAnyThreads) {
  Window2D three{{3, 3}, {1, 1}, Padding::same}, halving{{3, 3}, {2, 2}, Padding::valid, {1, 1}, 1};
  Window2D halving_points{{1, 1}, {2, 2}};
  for (const ConvolutionCase& one :
       {ConvolutionCase{{9, 2, 2, 48}, {80, 3, 3, 48}, three},
        ConvolutionCase{{5, 3, 2, 20}, {7, 3, 3, 20}, three},
        ConvolutionCase{{7, 4, 4, 40}, {72, 3, 3, 40}, halving},
        ConvolutionCase{{33, 7, 5, 16}, {24, 3, 3, 16}, halving},
        ConvolutionCase{{20, 4, 6, 72}, {272, 1, 1, 72}, {}},
        ConvolutionCase{{33, 5, 4, 32}, {144, 1, 1, 32}, halving_points},
        ConvolutionCase{{40, 9, 8, 264}, {40, 1, 1, 264}, {}},
        ConvolutionCase{{12, 10, 10, 128}, {128, 1, 1, 128}, {}},
        ConvolutionCase{{3, 14, 12, 6}, {40, 3, 3, 6}, halving},
        ConvolutionCase{{9, 9, 11, 48}, {36, 1, 3, 48}, {{1, 3}, {2, 2}, Padding::same}},
        ConvolutionCase{{6, 9, 8, 3}, {20, 5, 5, 3}, {{5, 5}, {2, 3}, Padding::same}},
        // Weights in several chunks: outputs one after the other, tap by tap, sorted by taps, row by row.
        ConvolutionCase{{1, 9, 14, 330}, {72, 1, 1, 330}, {}},
        ConvolutionCase{{2, 7, 7, 100}, {72, 3, 3, 100}, three},
        ConvolutionCase{{1, 27, 21, 68}, {40, 3, 3, 68}, halving},
        ConvolutionCase{{1, 9, 70, 36}, {33, 5, 5, 36}, {{5, 5}, {1, 2}, Padding::same}}}) {
    Convolution c(one);
    std::array<Tensor, 3> exact = by_definition(c);
    const Tensor before = test_values(one.x, 5);
    std::vector<Tensor> wanted{exact[0], exact[1], exact[2], cast(before, DType::f64) + exact[1]}, alone;
    for (int threads : {1, 2, 5}) {
      cpu::set_threads(threads);
      std::vector<Tensor> all{Tensor::empty_like(c.y), Tensor::empty_like(c.x), Tensor::empty_like(c.kernel),
                              before.clone()};
      conv2d_forward_kernel(c.x, c.kernel, Tensor(), c.geometry, all[0]);
      conv2d_backward_input_kernel(c.dy, c.kernel, c.geometry, all[1]);
      conv2d_backward_kernel_kernel(c.x, c.dy, c.geometry, all[2], Tensor());
      conv2d_add_backward_input_kernel(c.dy, c.kernel, c.geometry, all[3]);
      cpu::set_threads(0);
      if (alone.empty()) alone = all;
      for (size_t i = 0; i < all.size(); ++i) {
        EXPECT_LE(normalised_error(all[i], wanted[i]), 1e-6) << i << " of " << c.kernel.shape().text();
        EXPECT_TRUE(equal_bits(all[i], alone[i])) << i << " of " << c.kernel.shape().text();
      }
    }
  }
}

/// Several pictures at once, groups of filters and of channels, taps that never touch the picture, others
/// that some outputs leave out.
TEST(Conv2D, KernelGradientsTapByTapAgreeWithTheDefinitionWithAnyThreads) {
  Window2D three{{3, 3}, {1, 1}, Padding::same}, halving{{3, 3}, {2, 2}, Padding::valid, {1, 1}, 1};
  for (const ConvolutionCase& one :
       {ConvolutionCase{{70, 2, 2, 48}, {300, 3, 3, 48}, three},
        ConvolutionCase{{33, 3, 3, 48}, {40, 3, 3, 48}, three},
        ConvolutionCase{{7, 9, 11, 288}, {40, 3, 3, 288}, halving},
        ConvolutionCase{{5, 13, 29, 32}, {33, 3, 3, 32}, halving},
        ConvolutionCase{{3, 2, 3, 32}, {32, 7, 5, 32}, {{7, 5}, {1, 1}, Padding::same}}}) {
    Convolution c(one);
    const Tensor wanted = by_definition(c)[2];
    Tensor sums = Tensor::zeros({c.kernel.shape()[0]}, DType::f64);
    for (int64_t i = 0; i < c.dy.elements(); ++i)
      sums.mutable_data<double>()[i % sums.elements()] += c.dy.data<float>()[i];
    for (int threads : {1, 2, 5}) {
      cpu::set_threads(threads);
      Tensor dkernel = Tensor::full(c.kernel.shape(), 7), dbias = Tensor::full({c.kernel.shape()[0]}, 7);
      conv2d_backward_kernel_kernel(c.x, c.dy, c.geometry, dkernel, dbias);
      cpu::set_threads(0);
      EXPECT_LE(normalised_error(dkernel, wanted), 1e-6) << c.kernel.shape().text();
      EXPECT_TRUE(equal_bits(dkernel, c.dkernel)) << c.kernel.shape().text();
      EXPECT_LE(normalised_error(dbias, sums), 1e-6) << c.kernel.shape().text();
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
