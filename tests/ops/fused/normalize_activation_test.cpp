#include "manul/ops/fused/normalize_activation.h"

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/normalize/normalize.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(NormalizeActivation, OpTest, testing::ValuesIn(normalize_activation_samples()),
                         name_of_sample);

Tensor ones(const Shape& shape, DType dtype = DType::f32) {
  return Tensor::full(shape, 1, dtype);
}

const ErrorSample normalize_activation_errors[] = {
    {"addend",
     [] {
       normalize_activation_training(ones({2, 3}), {}, {}, ones({3}), ones({3}), 1e-3, 0.9,
                                     {.addend = ones({1, 3})});
     },
     "[1, 3] cannot be added to the normalized [2, 3]"},
    {"parameter",
     [] {
       normalize_activation_training(ones({2, 3}), ones({2}), {}, ones({3}), ones({3}), 1e-3, 0.9,
                                     {.activation = Activation::relu});
     },
     "parameter [2] does not fit input [2, 3]"},
};
INSTANTIATE_TEST_SUITE_P(NormalizeActivation, OpErrorTest, testing::ValuesIn(normalize_activation_errors),
                         name_of_sample);

/// The numbers, gradients and moving statistics of the ops that it replaces, and the fused passes where there
/// is a GPU.
TEST(NormalizeActivation, GivesWhatItsPartsGive) {
  constexpr int64_t channels = 12;
  Shape shape{4, 5, 6, channels};
  for (Device device : test_devices())
    for (Activation activation : all_activations()) {
      if (activation == Activation::softmax || activation == Activation::log_softmax) continue;
      auto results = [&](bool fused) {
        std::vector<Tensor> inputs;
        for (int i = 0; i < 2; ++i) inputs.push_back(test_values(shape, i + 1, DType::f32, device, -2, 3));
        for (int i = 2; i < 4; ++i)
          inputs.push_back(test_values({channels}, i + 1, DType::f32, device, 0.5, 2));
        for (Tensor& input : inputs) input.watch(Tensor::empty_like(input));
        Tensor mean = test_values({channels}, 7, DType::f32, device);
        Tensor variance = test_values({channels}, 8, DType::f32, device, 0.5, 2);
        Tape tape;
        Tensor y = fused ? normalize_activation_training(inputs[0], inputs[2], inputs[3], mean, variance,
                                                         1e-3, 0.9, {inputs[1], activation})
                         : activate(add(batch_normalize_training(inputs[0], inputs[2], inputs[3], mean,
                                                                 variance, 1e-3, 0.9),
                                        inputs[1]),
                                    activation);
        tape.backward(y, test_values(shape, 9, DType::f32, device));
        std::vector<Tensor> all{y, mean, variance};
        for (Tensor& input : inputs) all.push_back(input.leaf()->gradient.clone());
        return all;
      };
      std::vector<Tensor> fused = results(true), parts = results(false);
      for (size_t i = 0; i < fused.size(); ++i)
        EXPECT_LE(normalised_error(fused[i], parts[i]), 2e-6)
            << name_of(activation) << " on " << device.name() << ", result " << i;
    }
}

TEST(NormalizeActivation, GivesTheSameBitsWithAnyThreads) {
  constexpr int64_t channels = 28;
  Shape shape{6, 40, 41, channels};
  Tensor x = test_values(shape, 1), addend = test_values(shape, 2), gamma = test_values({channels}, 3);
  std::vector<Tensor> alone;
  for (int threads : {1, 2, 5}) {
    cpu::set_threads(threads);
    for (Tensor* input : {&x, &addend, &gamma}) input->watch(Tensor::empty_like(*input));
    Tensor mean = Tensor::zeros({channels}), variance = Tensor::zeros({channels});
    Tape tape;
    Tensor y =
        normalize_activation_training(x, gamma, {}, mean, variance, 1e-3, 0.9, {addend, Activation::relu});
    tape.backward(y, test_values(shape, 4));
    cpu::set_threads(0);
    std::vector<Tensor> all{y, mean, variance};
    for (Tensor* input : {&x, &addend, &gamma}) all.push_back(input->leaf()->gradient.clone());
    if (alone.empty()) alone = all;
    for (size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(equal_bits(all[i], alone[i])) << i;
  }
}

}  // namespace
}  // namespace manul
