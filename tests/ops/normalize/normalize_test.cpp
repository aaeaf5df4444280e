#include "manul/ops/normalize/normalize.h"

#include <algorithm>

#include "manul/framework/tape.h"
#include "manul/testing/op_check.h"
#include "manul/tests/keras_reference.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Normalize, OpTest, testing::ValuesIn(normalize_samples()), name_of_sample);

Tensor inference(const Shape& x, const Shape& mean) {
  return batch_normalize_inference(Tensor::zeros(x), {}, {}, Tensor::zeros(mean), Tensor::full(mean, 1),
                                   1e-3);
}

const ErrorSample normalize_errors[] = {
    {"channels",
     [] {
       inference({2, 3, 4}, {3});
     },
     "parameter [3] does not fit input [2, 3, 4] (want [4])"},
    {"rank", [] { inference({4}, {4}); }, "input [4] has no batch and channel axes"},
    {"nothing",
     [] {
       Tensor moving = Tensor::zeros({3});
       batch_normalize_training(Tensor::zeros({0, 3}), {}, {}, moving, moving, 1e-3, 0.99);
     },
     "input [0, 3] has no elements to take statistics of"},
};
INSTANTIATE_TEST_SUITE_P(Normalize, OpErrorTest, testing::ValuesIn(normalize_errors), name_of_sample);

/// A BatchNormalization case; weights by Keras' names, undefined where the layer has none.
struct NormalizationCase {
  std::string group;
  double epsilon = 1e-3, momentum = 0.99, tolerance = 1e-12;

  int place_of(const std::string& weight) const {
    std::vector<std::string> names = keras_reference().texts(group, "weight_names");
    auto found = std::find(names.begin(), names.end(), weight);
    return found == names.end() ? -1 : static_cast<int>(found - names.begin());
  }
  std::string path_of(const std::string& weight) const {
    return group + "/weight" + std::to_string(place_of(weight));
  }
  Tensor trained(const std::string& weight) const {
    return place_of(weight) < 0 ? Tensor() : watched_reference(path_of(weight));
  }
  Tensor kept(const std::string& weight) const { return keras_reference().tensor(path_of(weight)); }
};

void PrintTo(const NormalizationCase& keras_case, std::ostream* out) {
  *out << keras_case.group;
}

class KerasBatchNormalization : public testing::TestWithParam<NormalizationCase> {};

TEST_P(KerasBatchNormalization, AgreesInInference) {
  const NormalizationCase& keras = GetParam();
  Tensor x = watched_reference(keras.group + "/input0");
  Tensor gamma = keras.trained("gamma"), beta = keras.trained("beta");
  Tape tape;
  Tensor y = batch_normalize_inference(x, gamma, beta, keras.kept("moving_mean"),
                                       keras.kept("moving_variance"), keras.epsilon);
  expect_reference(y, keras.group + "/output", keras.tolerance);
  tape.backward(y, keras_reference().tensor(keras.group + "/upstream"));
  expect_reference_gradient(x, keras.group + "/input0_grad", keras.tolerance);
  if (gamma.defined()) expect_reference_gradient(gamma, keras.path_of("gamma") + "_grad", keras.tolerance);
  if (beta.defined()) expect_reference_gradient(beta, keras.path_of("beta") + "_grad", keras.tolerance);
}

TEST_P(KerasBatchNormalization, AgreesInTraining) {
  const NormalizationCase& keras = GetParam();
  std::string training = keras.group + "/training_";
  Tensor x = watched_reference(keras.group + "/input0");
  Tensor gamma = keras.trained("gamma"), beta = keras.trained("beta");
  Tensor moving_mean = keras.kept("moving_mean"), moving_variance = keras.kept("moving_variance");
  Tape tape;
  Tensor y =
      batch_normalize_training(x, gamma, beta, moving_mean, moving_variance, keras.epsilon, keras.momentum);
  expect_reference(y, training + "output", keras.tolerance);
  tape.backward(y, keras_reference().tensor(training + "upstream"));
  auto path_of = [&](const char* weight) {
    return training + "weight" + std::to_string(keras.place_of(weight));
  };
  expect_reference_gradient(x, training + "input0_grad", 10 * keras.tolerance);
  if (gamma.defined()) expect_reference_gradient(gamma, path_of("gamma") + "_grad", keras.tolerance);
  if (beta.defined()) expect_reference_gradient(beta, path_of("beta") + "_grad", keras.tolerance);
  // Keras 2.15 rounds 1 - momentum to f32 first.
  expect_reference(moving_mean, path_of("moving_mean") + "_after", std::max(keras.tolerance, 5e-8));
  expect_reference(moving_variance, path_of("moving_variance") + "_after", std::max(keras.tolerance, 5e-8));
}

const NormalizationCase cases[] = {
    {"layers/batchnorm_2d"},
    {"layers/batchnorm_2d_float32", 1e-3, 0.99, 1e-6},
    {"layers/batchnorm_4d"},
    // Keras 2.15 feeds the moving average the unbiased variance in this case, Keras 3 and this library never.
    {"layers_keras3/batchnorm_4d_float32", 1e-3, 0.99, 1e-6},
    {"layers/batchnorm_momentum_epsilon", 0.05, 0.6},
    {"layers/batchnorm_neither"},
    {"layers/batchnorm_no_center"},
    {"layers/batchnorm_no_scale"},
};
INSTANTIATE_TEST_SUITE_P(Normalize, KerasBatchNormalization, testing::ValuesIn(cases), [](const auto& info) {
  std::string name = info.param.group;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
});

TEST(BatchNormalizeTraining, SurvivesAMeanFarFromZero) {
  std::vector<float> values(1000);
  for (int i = 0; i < 1000; ++i) values[i] = 10000 + 0.25f * static_cast<float>(i % 5);
  Tensor mean = Tensor::zeros({1}), variance = Tensor::zeros({1});
  batch_normalize_training(Tensor::from(values, {1000, 1}), {}, {}, mean, variance, 1e-3, 0);
  EXPECT_EQ(mean.item<float>(), 10000.5f);
  EXPECT_EQ(variance.item<float>(), 0.125f);
}

TEST(BatchNormalizeInference, GivesTheSameBitsWithATapeAndWithout) {
  Tensor x = test_values({5, 7, 3}, 1), gamma = test_values({3}, 2), beta = test_values({3}, 3);
  Tensor mean = test_values({3}, 4), variance = Tensor::full({3}, 0.7);
  Tensor fused = batch_normalize_inference(x, gamma, beta, mean, variance, 1e-3);
  x.watch(Tensor::empty_like(x));
  Tape tape;
  EXPECT_TRUE(equal_bits(fused, batch_normalize_inference(x, gamma, beta, mean, variance, 1e-3)));
}

}  // namespace
}  // namespace manul
