#include <gtest/gtest.h>

#include "manul/framework/tape.h"
#include "manul/ops/dense/matmul.h"
#include "manul/tests/models/support.h"

// The two ways to own more than fit() gives: a network written as C++ functions, and the loop written out.
namespace manul {
namespace {

/// y = relu(x + normalized convolutions of x), He et al. 2015.
Symbol residual_block(Graph& graph, Symbol x, int64_t filters) {
  Conv2D convolution{.filters = filters, .kernel_size = 3, .padding = Padding::same, .use_bias = false};
  Symbol y = graph.apply(convolution, x);
  y = graph.apply(ReLU{}, graph.apply(BatchNormalization{}, y));
  y = graph.apply(BatchNormalization{}, graph.apply(convolution, y));
  return graph.apply(ReLU{}, graph.apply(Add{}, {x, y}));
}

Model residual_network(const Shape& picture, int64_t blocks) {
  Graph graph;
  Symbol x =
      graph.apply(Conv2D{.filters = 8, .kernel_size = 3, .padding = Padding::same}, graph.input(picture));
  for (int64_t i = 0; i < blocks; ++i) x = residual_block(graph, x, 8);
  graph.set_outputs({graph.apply(Dense{.units = 1}, graph.apply(GlobalAveragePooling2D{}, x))});
  return Model(std::move(graph));
}

TEST(HandWritten, ResidualNetworkInItsOwnLoop) {
  InMemoryDataset data = corner_pictures(64, 1);
  Model model = residual_network({9, 10, 2}, 2);
  model.build({.seed = 4});

  Adam adam({.learning_rate = 0.01});
  adam.attach(model.parameters());
  DeviceStepState state;
  state.write({.learning_rate = 0.01});
  Tensor pictures = Tensor::empty({32, 9, 10, 2}), labels = Tensor::empty({32}, DType::i32);
  double first = 0, last = 0;
  for (int64_t epoch = 0; epoch < 15; ++epoch) {
    data.begin_epoch(epoch, 4, true);
    state.set(&StepState::position, int64_t{0});
    for (int step = 0; step < 2; ++step) {
      data.prepare_batch(int64_t{32} * step, 32);
      data.next_batch(state, pictures, labels);
      Tape tape;
      Tensor logits = model.forward(pictures, {.training = true, .state = &state});
      Tensor loss = loss_from_logits(Loss::binary_crossentropy, logits, labels.view({32, 1}));
      tape.backward(loss);
      adam.update(state, 32);
      last = loss.item<float>();
      if (epoch == 0 && step == 0) first = last;
    }
  }
  EXPECT_LT(last, 0.5 * first);
}

TEST(HandWritten, ParametersWithoutLayers) {
  ParameterSet parameters;
  Parameter& kernel = parameters.add("head/kernel", {6, 1}, Initializer::glorot_uniform(6, 1));
  Parameter& bias = parameters.add("head/bias", {1}, Initializer::zeros());
  parameters.allocate(1);
  SGD sgd({.learning_rate = 0.5});
  sgd.attach(parameters);
  DeviceStepState state;
  state.write({.learning_rate = 0.5});

  Tensor x = random_tensor({40, 6}, 2);
  Tensor labels = Tensor::empty({40, 1}, DType::i32);
  for (int64_t i = 0; i < 40; ++i)
    labels.mutable_data<int32_t>()[i] =
        static_cast<int32_t>(x.data<float>()[6 * i] > x.data<float>()[6 * i + 1]);
  float value = 0;
  for (int step = 0; step < 200; ++step) {
    Tape tape;
    Tensor loss =
        loss_from_logits(Loss::binary_crossentropy, add(matmul(x, kernel.value), bias.value), labels);
    tape.backward(loss);
    sgd.update(state);
    value = loss.item<float>();
  }
  EXPECT_LT(value, 0.2F);
}

}  // namespace
}  // namespace manul
