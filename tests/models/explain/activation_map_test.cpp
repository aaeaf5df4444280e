#include "manul/models/explain/activation_map.h"

#include <gmock/gmock.h>

#include "manul/layers/layers.h"
#include "manul/models/graph/sequential.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"

// What a model looked at.
namespace manul {
namespace {

std::vector<float> values_of(const Tensor& x) {
  return x.to(Device::cpu()).to_vector<float>();
}

TEST(ActivationMap, OfALinearHeadItsSumAndTheBiasAreTheLogit) {
  Sequential model({9, 10, 2});
  model.add(Conv2D{.filters = 3, .kernel_size = 3, .activation = Activation::relu, .name = "conv"});
  model.add(Flatten{});
  model.add(Dense{.units = 4, .activation = Activation::softmax, .name = "head"});
  Model logits(model.inputs(), {model.output_of("flatten")});
  Tensor x = random_tensor({2, 9, 10, 2}, 1);
  model.build({.seed = 3});
  std::vector<float> flat = values_of(logits.predict(x)),
                     kernel = values_of(model.parameters().at("head/kernel").value);
  ActivationMap map = activation_map(model, x, Tensor::from<float>({0, 0, 1, 0, 0, 1, 0, 0}, {2, 4}));
  EXPECT_EQ(map.layer, "conv");
  EXPECT_FALSE(map.saliency);
  EXPECT_EQ(map.values.shape(), (Shape{2, 7, 8}));
  std::vector<float> found = values_of(map.values);
  for (size_t n = 0; n < 2; ++n) {
    size_t unit = n == 0 ? 2 : 1;
    for (size_t place = 0; place < 56; ++place) {
      double expected = 0;
      for (size_t c = 0; c < 3; ++c) {
        size_t feature = place * 3 + c;
        expected += double{flat[n * 168 + feature]} * kernel[feature * 4 + unit];
      }
      EXPECT_NEAR(found[n * 56 + place], expected, 1e-5) << n << " " << place;
    }
  }
}

/// Zhou et al., 2016: the classes' weights of the last feature maps.
TEST(ActivationMap, BehindAveragePoolingIsTheClassActivationMap) {
  Graph graph;
  Symbol input = graph.input({8, 8, 3});
  Symbol x =
      graph.apply(Conv2D{.filters = 4, .kernel_size = 3, .padding = Padding::same, .name = "one"}, input);
  Symbol y = graph.apply(Conv2D{.filters = 4, .kernel_size = 1, .name = "way"}, x);
  Symbol joined = graph.apply(LayerPtr(Add{.name = "joined"}), {x, y});
  Symbol pooled = graph.apply(GlobalAveragePooling2D{}, joined);
  graph.set_outputs(
      {graph.apply(Dense{.units = 1, .activation = Activation::sigmoid, .name = "head"}, pooled)});
  Model model(std::move(graph));
  model.build({.seed = 5});
  Model features(model.inputs(), {model.output_of("joined")});
  Tensor picture = random_tensor({1, 8, 8, 3}, 2);
  std::vector<float> maps = values_of(features.predict(picture)),
                     kernel = values_of(model.parameters().at("head/kernel").value);
  for (float sign : {1.0F, -1.0F}) {
    ActivationMap map = activation_map(model, picture, Tensor::from<float>({sign}, {1, 1}));
    EXPECT_EQ(map.layer, "joined") << "there is a way around the layer called way";
    std::vector<float> found = values_of(map.values);
    for (size_t place = 0; place < 64; ++place) {
      double expected = 0;
      for (size_t c = 0; c < 4; ++c) expected += double{maps[place * 4 + c]} * kernel[c] / 64 * sign;
      EXPECT_NEAR(found[place], expected, 1e-6);
    }
  }
}

TEST(ActivationMap, WhereTwoBranchesArePooledItIsTakenBeforeThem) {
  Graph graph;
  Symbol input = graph.input({8, 8, 3});
  Symbol stem = graph.apply(Conv2D{.filters = 4, .kernel_size = 3, .name = "stem"}, input);
  Symbol left =
      graph.apply(GlobalAveragePooling2D{}, graph.apply(Conv2D{.filters = 2, .kernel_size = 3}, stem));
  Symbol right = graph.apply(GlobalMaxPooling2D{}, graph.apply(Conv2D{.filters = 2, .kernel_size = 1}, stem));
  Symbol both = graph.apply(LayerPtr(Concatenate{}), {left, right});
  graph.set_outputs({graph.apply(Dense{.units = 3, .activation = Activation::softmax}, both)});
  Sequential outer({8, 8, 3});
  outer.add(Model(std::move(graph)).as_layer());
  outer.build({.seed = 1});
  ActivationMap map =
      activation_map(outer, random_tensor({1, 8, 8, 3}, 2), Tensor::from<float>({1, 0, 0}, {1, 3}));
  EXPECT_EQ(map.layer, "stem");
  EXPECT_EQ(map.values.shape(), (Shape{1, 6, 6}));
}

TEST(ActivationMap, WithoutAPictureBehindWeightsIsTheSaliency) {
  Sequential model({4, 5, 2});
  model.add(Rescaling{.scale = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 8, .activation = Activation::tanh});
  model.add(Dense{.units = 3, .name = "head"});
  model.build({.seed = 1, .dtype = DType::f64});
  Tensor x = random_tensor({1, 4, 5, 2}, 4).to(DType::f64);
  ActivationMap map = activation_map(model, x, Tensor::from<float>({0, 1, 0}, {1, 3}));
  EXPECT_TRUE(map.saliency);
  std::vector<float> found = values_of(map.values);
  constexpr double step = 1e-5;
  for (size_t place = 0; place < 20; ++place) {
    double largest = 0;
    for (size_t c = 0; c < 2; ++c) {
      double slope = 0;
      for (double sign : {1.0, -1.0}) {
        std::vector<double> moved = x.to_vector<double>();
        moved[place * 2 + c] += sign * step;
        slope += sign * model.predict(Tensor::from(moved, {1, 4, 5, 2})).to_vector<double>()[1] / (2 * step);
      }
      largest = std::max(largest, std::abs(slope));
    }
    EXPECT_NEAR(found[place], largest, 1e-6);
  }
}

TEST(ActivationMap, LeavesWhatTheModelHas) {
  Sequential model({6, 6, 1});
  model.add(Conv2D{.filters = 2, .kernel_size = 3});
  model.add(Flatten{});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  model.compile(Adam{}, Loss::binary_crossentropy, {}, {.seed = 1});
  Tensor x = random_tensor({4, 6, 6, 1}, 1), y = Tensor::from<float>({0, 1, 0, 1}, {4, 1});
  model.train_on_batch({x}, {y});
  Tensor values = model.parameters().values().clone(), gradients = model.parameters().gradients().clone();
  activation_map(model, x, Tensor::from<float>({1, 1, 1, 1}, {4, 1}));
  EXPECT_TRUE(equal_bits(model.parameters().values(), values));
  EXPECT_TRUE(equal_bits(model.parameters().gradients(), gradients));
  EXPECT_EQ(x.leaf(), nullptr);
}

}  // namespace
}  // namespace manul
