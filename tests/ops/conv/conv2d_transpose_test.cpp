#include "manul/ops/conv/conv2d_transpose.h"

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Conv2DTranspose, OpTest, testing::ValuesIn(conv2d_transpose_samples()),
                         name_of_sample);

void run_transposed(const Shape& x, const Shape& kernel, const Conv2DTransposeOptions& options) {
  conv2d_transpose(Tensor::zeros(x), Tensor::zeros(kernel), Tensor(), options);
}

const ErrorSample conv2d_transpose_errors[] = {
    {"channels",
     [] {
       run_transposed({1, 5, 5, 3}, {4, 3, 3, 2}, {});
     },
     "conv2d_transpose: input [1, 5, 5, 3] does not fit kernel [4, 3, 3, 2] (want [channels, height, width"},
    {"strides",
     [] {
       run_transposed({1, 5, 5, 3}, {3, 3, 3, 2}, {.strides = {0, 1}});
     },
     "strides [0, 1] and dilation [1, 1] must be positive"},
    {"output_padding",
     [] {
       run_transposed({1, 5, 5, 3}, {3, 3, 3, 2}, {.strides = {2, 2}, .output_padding = {{2, 0}}});
     },
     "an output padding of [2, 0] makes of [1, 5, 5, 3] the output [1, 13, 11, 2]"},
};
INSTANTIATE_TEST_SUITE_P(Conv2DTranspose, OpErrorTest, testing::ValuesIn(conv2d_transpose_errors),
                         name_of_sample);

/// Rows of windows as products, whose bias is added where they are written, and other ways: with any bias the
/// same as in f64 on the CPU, with all gradients.
TEST(Conv2DTranspose, AgreesWithTheCpuOnEveryDevice) {
  struct Case {
    Shape x, kernel;
    std::array<int64_t, 2> strides;
  };
  for (Device device : test_devices())
    for (DType dtype : {DType::f32, DType::bf16})
      for (const Case& c :
           {Case{{2, 3, 64, 20}, {20, 2, 2, 8}, {2, 2}}, Case{{1, 2, 70, 12}, {12, 3, 2, 5}, {3, 2}},
            Case{{2, 3, 66, 8}, {8, 1, 4, 4}, {1, 4}}, Case{{2, 3, 64, 8}, {8, 3, 3, 8}, {2, 2}},
            Case{{2, 5, 4, 8}, {8, 2, 2, 8}, {2, 2}}}) {
        if (device.is_cpu() && dtype == DType::bf16) continue;
        auto values = [&](DType of, Device on) {
          Tape tape;
          std::vector<Tensor> leaves{test_values(c.x, 1), test_values(c.kernel, 2),
                                     test_values({c.kernel[3]}, 3)};
          std::vector<Tensor> inputs;
          for (Tensor& leaf : leaves) {
            leaf = cast(leaf, of == DType::f64 ? of : DType::f32).to(on);
            leaf.watch(Tensor::empty_like(leaf));
            inputs.push_back(cast(leaf, of));
          }
          Tensor y = conv2d_transpose(inputs[0], inputs[1], inputs[2], {.strides = c.strides});
          std::vector<Tensor> all{cast(y, DType::f64).to(Device())};
          tape.backward(y, cast(test_values(y.shape(), 4), of).to(on));
          for (const Tensor& leaf : leaves)
            all.push_back(cast(leaf.leaf()->gradient, DType::f64).to(Device()));
          return all;
        };
        std::vector<Tensor> seen = values(dtype, device), wanted = values(DType::f64, Device());
        for (size_t i = 0; i < seen.size(); ++i)
          EXPECT_LE(normalised_error(seen[i], wanted[i]), dtype == DType::f32 ? 1e-5 : 2e-2)
              << i << " of " << c.kernel.text() << " on " << device.name() << " in " << name_of(dtype);
      }
}

/// A bias is added where rows are made, and then gives the bits of an addition behind; with whole and partial
/// vectors, phases without taps, few channels, pixels side by side, by Winograd, with any number of threads.
TEST(Conv2DTranspose, GivesTheBitsOfItsPartsWithABias) {
  struct Case {
    Shape x, kernel;
    Conv2DTransposeOptions options;
  };
  for (const Case& c :
       {Case{{2, 7, 9, 40}, {40, 2, 2, 96}, {.strides = {2, 2}}},
        Case{{3, 5, 4, 12}, {12, 3, 3, 20}, {.strides = {2, 3}, .padding = Padding::same}},
        Case{{2, 4, 5, 32}, {32, 2, 2, 7}, {.strides = {3, 4}, .output_padding = {{1, 2}}}},
        Case{{2, 6, 5, 64}, {64, 3, 3, 2}, {.strides = {2, 2}}}, Case{{2, 6, 5, 24}, {24, 1, 1, 33}, {}},
        Case{{1, 24, 26, 32}, {32, 3, 3, 48}, {.padding = Padding::same}}}) {
    Tensor x = test_values(c.x, 1), kernel = test_values(c.kernel, 2), bias = test_values({c.kernel[3]}, 3);
    Tensor wanted = add(conv2d_transpose(x, kernel, Tensor(), c.options), bias);
    for (int threads : {1, 2, 5}) {
      cpu::set_threads(threads);
      EXPECT_TRUE(equal_bits(conv2d_transpose(x, kernel, bias, c.options), wanted))
          << c.kernel.text() << threads;
      cpu::set_threads(0);
    }
    Tensor gradient = Tensor::empty_like(kernel);
    kernel.watch(gradient);
    Tape tape;
    EXPECT_TRUE(equal_bits(conv2d_transpose(x, kernel, bias, c.options), wanted)) << c.kernel.text();
  }
}

}  // namespace
}  // namespace manul
