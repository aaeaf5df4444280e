#include "manul/layers/convnext.h"

#include <gtest/gtest.h>

#include "manul/framework/tape.h"
#include "manul/models/graph/sequential.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/testing/op_check.h"
#include "manul/tests/error_of.h"

namespace manul {
namespace {

TEST(LayerScale, MultipliesEachChannelByAFactorThatIsLearned) {
  Sequential model({2, 3});
  model.add(LayerScale{.init_values = 0.5, .projection_dim = 3});
  model.build();
  Tensor x = test_values({4, 2, 3}, 1);
  EXPECT_LE(normalised_error(model.predict(x), scale(x, 0.5)), 1e-7);
  Parameter& gamma = model.parameters().all()[0];
  EXPECT_EQ(gamma.path, "layer_scale/gamma");
  Tape tape;
  tape.backward(sum(model.forward(x)));
  std::vector<float> values = x.to_vector<float>(), gradient = gamma.gradient.to_vector<float>();
  for (size_t channel = 0; channel < 3; ++channel) {
    float sum = 0;
    for (size_t i = channel; i < values.size(); i += 3) sum += values[i];
    EXPECT_NEAR(gradient[channel], sum, 1e-5);
  }
  EXPECT_EQ(error_of(
                [] {
                  Sequential({2, 4}).add(LayerScale{.projection_dim = 3, .name = "wrong"});
                },
                ErrorKind::failed),
            "wrong: a LayerScale of 3 channels does not fit samples [2, 4]");
}

TEST(StochasticDepth, DropsWholeSamplesInTraining) {
  constexpr int64_t samples = 2000;
  LayerPtr layer = StochasticDepth{.drop_path_rate = 0.25, .name = "depth"};
  Tensor x = Tensor::full({samples, 2, 3}, 1.0);
  EXPECT_EQ(layer->call({x}, {})[0].to_vector<float>(), x.to_vector<float>());
  DeviceStepState state;
  std::vector<float> y = layer->call({x}, {.training = true, .state = &state})[0].to_vector<float>();
  int64_t kept = 0;
  for (int64_t n = 0; n < samples; ++n) {
    for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(y[n * 6 + i], y[n * 6]);
    EXPECT_TRUE(y[n * 6] == 0 || std::abs(y[n * 6] - 1 / 0.75F) < 1e-6F) << y[n * 6];
    kept += y[n * 6] != 0 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(kept), 0.75 * samples, 100);  // five standard deviations
}

}  // namespace
}  // namespace manul
