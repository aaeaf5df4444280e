#include "manul/models/graph/fusion.h"

#include <gtest/gtest.h>

#include "manul/framework/tape.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"

namespace manul {
namespace {

constexpr Fusion none{.conv_relu_pool = false,
                      .zero_padding = false,
                      .concatenation = false,
                      .dense_activation = false,
                      .normalization_tail = false,
                      .loss_from_logits = false};

/// Activations as layers of their own, so that every pattern has something to find.
Sequential with_activation_layers() {
  Sequential model({9, 10, 2});
  model.add(Conv2D{.filters = 4, .kernel_size = 3});
  model.add(ReLU{});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 8});
  model.add(ActivationLayer{.activation = Activation::tanh});
  model.add(Dense{.units = 1});
  model.add(ActivationLayer{.activation = Activation::sigmoid});
  return model;
}

/// Every convolution and a pooling with zeros in front, as in networks of keras.applications.
Sequential with_zero_padding() {
  Sequential model({9, 10, 2});
  model.add(ZeroPadding2D{.padding = {{0, 1}, {1, 2}}});
  model.add(Conv2D{.filters = 4, .kernel_size = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2, .strides = 1});
  model.add(ZeroPadding2D{.padding = {{0, 1}, {0, 1}}});
  model.add(DepthwiseConv2D{.kernel_size = 3, .strides = 2, .depth_multiplier = 3});
  model.add(ZeroPadding2D{});
  model.add(SeparableConv2D{.filters = 12, .kernel_size = 3, .activation = Activation::relu});
  model.add(ZeroPadding2D{.padding = 1});
  model.add(MaxPooling2D{.pool_size = 3, .strides = 1});
  model.add(ZeroPadding2D{.padding = 1});
  model.add(Conv2D{.filters = 6, .kernel_size = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(ZeroPadding2D{.padding = 1});
  model.add(Conv2D{.filters = 6, .kernel_size = 3, .padding = Padding::same, .groups = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  return model;
}

struct Trained {
  double loss;
  Tensor values, prediction;
};

/// Normalizations with an activation, with an addition, and with both.
Model residual() {
  Graph graph;
  auto convolution = [&](const Symbol& from) {
    return graph.apply(Conv2D{.filters = 4, .kernel_size = 3, .padding = Padding::same, .use_bias = false},
                       from);
  };
  auto normalized = [&](const Symbol& from) { return graph.apply(BatchNormalization{}, convolution(from)); };
  Symbol x = graph.apply(ReLU{}, normalized(graph.input({9, 10, 2})));
  x = graph.apply(ReLU{}, graph.apply(Add{}, {normalized(x), x}));
  x = graph.apply(Add{}, {x, normalized(x)});
  x = graph.apply(ActivationLayer{.activation = Activation::silu}, normalized(x));
  x = graph.apply(GlobalAveragePooling2D{}, x);
  graph.set_outputs({graph.apply(Dense{.units = 1, .activation = Activation::sigmoid}, x)});
  return Model(graph);
}

Trained train(Model model, const Fusion& fusion, Device device = {}) {
  // A large epsilon, because of a gradient of almost zero Adam has else nothing but the sign.
  model.compile(Adam{{.learning_rate = 0.01, .epsilon = 1e-3}}, Loss::binary_crossentropy, {},
                {.device = device, .seed = 5, .fusion = fusion});
  InMemoryDataset data = corner_pictures(60, 4, device);
  History history = model.fit(data, {.epochs = 3, .batch_size = 25});
  return {history["loss"].back(), model.parameters().values(),
          model.predict(random_tensor({7, 9, 10, 2}, 6))};
}

void expect_close(const Trained& a, const Trained& b) {
  EXPECT_NEAR(a.loss, b.loss, 1e-5);
  EXPECT_LE(normalised_error(a.values, b.values), 1e-4);
  EXPECT_LE(normalised_error(a.prediction, b.prediction), 1e-5);
}

TEST(Fusion, GivesTheSameNumbersPatternByPattern) {
  for (Sequential (*make)() :
       {+[] { return small_classifier(); }, with_activation_layers, with_zero_padding}) {
    Trained plain = train(make(), none);
    for (bool Fusion::*pattern : {&Fusion::conv_relu_pool, &Fusion::zero_padding, &Fusion::dense_activation,
                                  &Fusion::loss_from_logits}) {
      Fusion one = none;
      one.*pattern = true;
      expect_close(train(make(), one), plain);
    }
    expect_close(train(make(), Fusion{}), plain);
  }
}

TEST(Fusion, NormalizationsGiveTheSameNumbersOnEveryDevice) {
  for (Device device : test_devices()) {
    Fusion tail = none;
    tail.normalization_tail = true;
    expect_close(train(residual(), tail, device), train(residual(), none, device));
  }
}

TEST(Fusion, TakesWhatFollowsANormalization) {
  Fusion tail = none;
  tail.normalization_tail = true;
  size_t all = plan_steps(residual().graph(), none).size();
  EXPECT_EQ(all, 15U);  // three activations, two additions
  EXPECT_EQ(plan_steps(residual().graph(), tail).size(), all - 5);

  Graph graph;
  Symbol x = graph.input({4, 4, 2}), y = graph.apply(BatchNormalization{}, x);
  Symbol relu = graph.apply(ReLU{}, y), sum = graph.apply(Add{}, {y, x});
  graph.set_outputs({relu, sum});  // both of one normalization
  EXPECT_EQ(plan_steps(graph, tail).size(), 3U);
  graph.set_outputs({graph.apply(Add{}, {graph.apply(BatchNormalization{}, x), graph.input({1, 4, 2})})});
  EXPECT_EQ(plan_steps(graph, tail).back().inputs.size(), 2U);  // of other shapes: added apart
}

TEST(Fusion, RunsNeighboursAsOneStep) {
  EXPECT_EQ(plan_steps(small_classifier().graph(), {}).size(), 4U);  // conv+pool, flatten, dense, dense
  EXPECT_EQ(plan_steps(small_classifier().graph(), none).size(), 5U);
  EXPECT_EQ(plan_steps(with_activation_layers().graph(), {}).size(), 4U);
  EXPECT_EQ(plan_steps(with_activation_layers().graph(), none).size(), 8U);
  Fusion padding = none;
  padding.zero_padding = true;
  EXPECT_EQ(plan_steps(with_zero_padding().graph(), none).size(), 16U);
  EXPECT_EQ(plan_steps(with_zero_padding().graph(), padding).size(), 10U);
  EXPECT_EQ(plan_steps(with_zero_padding().graph(), {}).size(), 8U);  // two poolings as well
}

TEST(Fusion, PaddingGivesTheSameGradients) {
  Tensor outputs[2], gradients[2], input_gradients[2];
  for (bool fused : {false, true}) {
    Fusion fusion = none;
    fusion.zero_padding = fused;
    Sequential model = with_zero_padding();
    model.build({.seed = 3, .dtype = DType::f64, .fusion = fusion});
    Tensor x = random_tensor({3, 9, 10, 2}, 8, DType::f64);
    input_gradients[fused] = Tensor::empty_like(x);
    x.watch(input_gradients[fused]);
    Tape tape;
    outputs[fused] = model.forward(x, {.training = true});
    tape.backward(outputs[fused], random_tensor(outputs[fused].shape(), 9, DType::f64));
    gradients[fused] = model.parameters().gradients();
  }
  EXPECT_LE(normalised_error(outputs[1], outputs[0]), 1e-14);
  EXPECT_LE(normalised_error(gradients[1], gradients[0]), 1e-13);
  EXPECT_LE(normalised_error(input_gradients[1], input_gradients[0]), 1e-13);
}

TEST(Fusion, LeavesAloneWhatIsUsedElsewhere) {
  Graph graph;
  Symbol x = graph.input({8, 8, 3});
  Symbol conv = graph.apply(Conv2D{.filters = 2, .kernel_size = 3, .activation = Activation::relu}, x);
  Symbol pooled = graph.apply(MaxPooling2D{}, conv);
  graph.set_outputs({conv, pooled});
  EXPECT_EQ(plan_steps(graph, {}).size(), 2U);
  graph.set_outputs({pooled});
  EXPECT_EQ(plan_steps(graph, {}).size(), 1U);
  graph.apply(Flatten{}, conv);
  EXPECT_EQ(plan_steps(graph, {}).size(), 3U);
}

TEST(Fusion, LeavesAPaddedPictureAloneThatIsUsedElsewhere) {
  Graph graph;
  Symbol x = graph.input({8, 8, 3});
  Symbol padded = graph.apply(ZeroPadding2D{}, x);
  Symbol conv = graph.apply(Conv2D{.filters = 2, .kernel_size = 3}, padded);
  graph.set_outputs({conv});
  EXPECT_EQ(plan_steps(graph, {}).size(), 1U);
  graph.set_outputs({conv, padded});
  EXPECT_EQ(plan_steps(graph, {}).size(), 2U);
  graph.set_outputs({conv});
  graph.apply(MaxPooling2D{}, padded);
  EXPECT_EQ(plan_steps(graph, {}).size(), 3U);
}

/// A skip connection around a pooling, side by side with what comes back up.
Graph with_concatenation(int64_t axis) {
  Graph graph;
  auto convolution = [&](const Symbol& from) {
    return graph.apply(
        Conv2D{.filters = 32, .kernel_size = 3, .padding = Padding::same, .activation = Activation::relu},
        from);
  };
  Symbol skip = convolution(graph.input({8, 8, 3}));
  Symbol x = convolution(graph.apply(MaxPooling2D{}, skip));
  x = graph.apply(Conv2DTranspose{.filters = 32, .kernel_size = 2, .strides = 2}, x);
  Symbol all = graph.apply(Concatenate{.axis = axis}, {x, skip});
  graph.set_outputs({convolution(all)});
  return graph;
}

TEST(Fusion, AConvolutionTakesWhatLiesSideBySide) {
  Fusion concatenation = none;
  concatenation.concatenation = true;
  for (int64_t axis : {int64_t{-1}, int64_t{3}, int64_t{1}}) {
    Graph graph = with_concatenation(axis);
    EXPECT_EQ(plan_steps(graph, concatenation).size() + (axis == 1 ? 0U : 1U),
              plan_steps(graph, none).size());
  }
  Graph graph;
  Symbol x = graph.input({8, 8, 32}), all = graph.apply(Concatenate{}, {x, graph.input({8, 8, 32})});
  graph.set_outputs({all, graph.apply(Conv2D{.filters = 32, .kernel_size = 3}, all)});
  EXPECT_EQ(plan_steps(graph, concatenation).size(), 2U);  // an output itself
}

TEST(Fusion, ConcatenationGivesTheSameGradients) {
  Tensor gradients[2];
  for (bool fused : {false, true}) {
    Fusion fusion = none;
    fusion.concatenation = fused;
    Model model(with_concatenation(-1));
    model.build({.seed = 3, .fusion = fusion});
    Tape tape;
    Tensor output = model.forward(random_tensor({3, 8, 8, 3}, 8), {.training = true});
    tape.backward(output, random_tensor(output.shape(), 9));
    gradients[fused] = model.parameters().gradients();
  }
  EXPECT_TRUE(equal_bits(gradients[1], gradients[0]));
}

TEST(Fusion, SoftmaxAndCategoricalLosses) {
  for (Loss loss : {Loss::sparse_categorical_crossentropy, Loss::categorical_crossentropy}) {
    std::vector<int32_t> classes{0, 2, 1, 2, 2};
    std::vector<float> one_hot(15);
    for (size_t i = 0; i < classes.size(); ++i) one_hot[3 * i + classes[i]] = 1;
    bool sparse = loss == Loss::sparse_categorical_crossentropy;
    Tensor labels = sparse ? Tensor::from(classes, {5}) : Tensor::from(one_hot, {5, 3});
    Tensor values[2];
    for (bool fused : {false, true}) {
      Sequential model({4});
      model.add(Dense{.units = 3, .activation = Activation::softmax});
      model.compile(Adam{}, loss, {}, {.seed = 1, .fusion = {.loss_from_logits = fused}});
      for (int step = 0; step < 5; ++step) model.train_on_batch(random_tensor({5, 4}, 9), labels);
      values[fused] = model.parameters().values();
    }
    EXPECT_LE(normalised_error(values[0], values[1]), 1e-5);
  }
}

}  // namespace
}  // namespace manul
