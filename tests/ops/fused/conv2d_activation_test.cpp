#include "manul/ops/fused/conv2d_activation.h"

#include <optional>

#include "manul/framework/cpu/kept_weights.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Conv2DActivation, OpTest, testing::ValuesIn(conv2d_activation_samples()),
                         name_of_sample);

Tensor filled_with_ones(const Shape& shape) {
  return Tensor::full(shape, 1);
}

const ErrorSample conv2d_activation_errors[] = {
    {"addend",
     [] {
       conv2d_activation(filled_with_ones({1, 4, 4, 2}), filled_with_ones({3, 1, 1, 2}), {}, {},
                         {.addend = filled_with_ones({1, 4, 4, 2})});
     },
     "[1, 4, 4, 2] cannot be added to f32 [1, 4, 4, 3]"},
    {"activation",
     [] {
       conv2d_activation(filled_with_ones({1, 4, 4, 2}), filled_with_ones({3, 1, 1, 2}), {}, {},
                         {.activation = Activation::softmax});
     },
     "softmax does not work element by element"},
};
INSTANTIATE_TEST_SUITE_P(Conv2DActivation, OpErrorTest, testing::ValuesIn(conv2d_activation_errors),
                         name_of_sample);

/// Without a tape, on every device: the numbers of the ops one by one, and on the CPU their bits.
TEST(Conv2DActivation, GivesWhatItsPartsGive) {
  for (Device device : test_devices())
    for (Activation activation : all_activations()) {
      if (!is_elementwise(activation)) continue;
      for (bool added : {false, true}) {
        Tensor x = test_values({2, 13, 11, 6}, 1, DType::f32, device);
        Tensor kernel = test_values({20, 3, 3, 6}, 2, DType::f32, device);
        Tensor bias = test_values({20}, 3, DType::f32, device);
        Tensor addend = added ? test_values({2, 11, 9, 20}, 4, DType::f32, device) : Tensor();
        Tensor fused = conv2d_activation(x, kernel, bias, {}, {addend, activation});
        Tensor y = conv2d(x, kernel, bias);
        Tensor parts = activate(added ? add(y, addend) : y, activation);
        if (device.is_cpu())
          EXPECT_TRUE(equal_bits(fused, parts)) << name_of(activation) << added;
        else
          EXPECT_LT(normalised_error(fused, parts), 1e-5);
      }
    }
}

struct PredictedCase {
  Shape x, kernel;
  Conv2DOptions options;
};

/// Two layers, so that the second's gradient is one that nobody else has, and one whose value is used twice.
TEST(Conv2DActivation, GivesTheGradientsOfItsParts) {
  const Conv2DOptions same{.padding = Padding::same};
  for (Activation activation : {Activation::relu, Activation::tanh, Activation::linear, Activation::silu}) {
    const Tensor x = test_values({2, 8, 8, 32}, 1), kernel = test_values({32, 3, 3, 32}, 2),
                 bias = test_values({32}, 3), arrived = test_values(x.shape(), 4);
    Tensor gradients[2][3];
    for (bool at_once : {false, true}) {
      int i = 0;
      for (const Tensor& watched : {x, kernel, bias}) {
        gradients[at_once][i] = Tensor::empty_like(watched);
        watched.watch(gradients[at_once][i++]);
      }
      auto convolve = [&](const Tensor& from) {
        return at_once ? conv2d_activation(from, kernel, bias, same, {.activation = activation})
                       : activate(conv2d(from, kernel, bias, same), activation);
      };
      Tape tape;
      const Tensor first = convolve(x), second = convolve(first);
      tape.backward(add(convolve(second), multiply(second, first)), arrived);
      EXPECT_EQ(arrived.to_vector<float>(), test_values(x.shape(), 4).to_vector<float>());
    }
    for (int i = 0; i < 3; ++i)
      EXPECT_TRUE(equal_bits(gradients[1][i], gradients[0][i])) << i << " of " << name_of(activation);
  }
}

/// A batch, its pictures one by one, and kept weights, by each way that a CPU has, with any number of
/// threads.
TEST(Conv2DActivation, GivesTheSameBitsForAPictureAloneAndFromKeptWeights) {
  Conv2DOptions same{.padding = Padding::same}, halving{.strides = {2, 2}, .borders = Borders2D(1)};
  for (const PredictedCase& c : {PredictedCase{{3, 7, 7, 72}, {152, 3, 3, 72}, same},
                                 PredictedCase{{3, 7, 6, 300}, {272, 1, 1, 300}, {}},
                                 PredictedCase{{2, 28, 27, 40}, {72, 3, 3, 40}, halving},
                                 PredictedCase{{3, 13, 14, 176}, {144, 3, 3, 176}, same},
                                 PredictedCase{{2, 15, 18, 48}, {64, 3, 3, 48}, same},
                                 PredictedCase{{2, 16, 12, 272}, {96, 3, 3, 272}, same}}) {
    Tensor x = test_values(c.x, 1), kernel = test_values(c.kernel, 2), bias = test_values({c.kernel[0]}, 3);
    Tensor sums = conv2d(x, kernel, bias, c.options), addend = test_values(sums.shape(), 4);
    Tensor wanted = activate(add(sums, addend), Activation::relu);
    auto picture = [](const Tensor& all, int64_t n) {
      std::vector<float> values = all.to_vector<float>();
      const int64_t size = all.elements() / all.shape()[0];
      return Tensor::from(std::vector<float>(values.begin() + n * size, values.begin() + (n + 1) * size),
                          {1, all.shape()[1], all.shape()[2], all.shape()[3]});
    };
    for (int threads : {1, 2, 5}) {
      cpu::set_threads(threads);
      cpu::KeptWeights kept;
      for (int run = 0; run < 3; ++run) {
        std::optional<cpu::KeptWeights::Scope> scope;
        if (run > 0) scope.emplace(kept);
        auto computed = [&](const Tensor& x, const Tensor& addend) {
          return conv2d_activation(x, kernel, bias, c.options, {addend, Activation::relu});
        };
        EXPECT_TRUE(equal_bits(computed(x, addend), wanted)) << c.kernel.text() << run << threads;
        for (int64_t n = 0; n < c.x[0]; ++n)
          EXPECT_TRUE(equal_bits(computed(picture(x, n), picture(addend, n)), picture(wanted, n)))
              << c.kernel.text() << run << threads;
      }
      cpu::set_threads(0);
    }
  }
}

TEST(Conv2DActivation, GivesTheSameBitsWithAnyNumberOfThreads) {
  Tensor x = test_values({3, 30, 31, 8}, 1, DType::f32, {}),
         kernel = test_values({24, 3, 3, 8}, 2, DType::f32, {});
  Tensor addend = test_values({3, 28, 29, 24}, 3, DType::f32, {}),
         bias = test_values({24}, 4, DType::f32, {});
  auto computed = [&](int threads) {
    cpu::set_threads(threads);
    Tensor y = conv2d_activation(x, kernel, bias, {}, {addend, Activation::silu});
    cpu::set_threads(0);
    return y;
  };
  EXPECT_TRUE(equal_bits(computed(1), computed(3)));
}

}  // namespace
}  // namespace manul
