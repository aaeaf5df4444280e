#include <gtest/gtest.h>

#include "manul/framework/error.h"
#include "manul/layers/layers.h"
#include "manul/models/graph/sequential.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/tests/temporary_folder.h"

// Layers as a user writes them, outside the library: nothing but the struct and its registration.
namespace manul {
namespace {

/// x * sigmoid(beta * x) with one learned factor a channel.
struct ScaledSwish {
  static constexpr const char* class_name = "Mine>ScaledSwish";
  double beta = 1;
  std::string name = {};
  bool trainable = true;
  Weight factor = {};

  void describe(Description& description) {
    description.option("beta", beta, at_least(0));
    description.kept("factor_initializer", "ones");
  }
  void build(const Shape& input, Weights& weights) {
    weights.add(factor, "factor", {input[-1]}, Initializer::ones());
  }
  Tensor call(const Tensor& x) const { return multiply(multiply(x, sigmoid(scale(x, beta))), factor); }
};
const LayerRegistration<ScaledSwish> scaled_swish_registration;

/// Two outputs: the sum and the difference of two inputs.
struct Butterfly {
  static constexpr const char* class_name = "Mine>Butterfly";
  void describe(Description& /*description*/) {}
  std::vector<Shape> output_shapes(const std::vector<Shape>& inputs) const {
    return {inputs.at(0), inputs.at(1)};
  }
  std::vector<Tensor> call(const std::vector<Tensor>& inputs) const {
    return {add(inputs.at(0), inputs.at(1)), subtract(inputs.at(0), inputs.at(1))};
  }
};

/// Fails after it has declared a parameter.
struct Failing {
  static constexpr const char* class_name = "Mine>Failing";
  std::string name = {};
  Weight weight = {};
  void describe(Description& /*description*/) {}
  void build(const Shape& input, Weights& weights) {
    weights.add(weight, "weight", {input[-1]}, Initializer::ones());
    fail(ErrorKind::failed, "{}: does not build", name);
  }
  Tensor call(const Tensor& x) const { return x; }
};

TEST(OwnLayer, IsSavedAndLoadedAsKerasOwn) {
  TemporaryFolder folder;
  Sequential model({4});
  model.add(Dense{.units = 3});
  model.add(ScaledSwish{.beta = 1.5});
  model.compile(Adam{{.learning_rate = 0.1}}, "mse", {}, {.seed = 3});
  Tensor x = Tensor::from(std::vector<float>{1, -2, 3, -4}, {1, 4}), y = Tensor::zeros({1, 3});
  const Tensor& factor = model.parameters().at("scaled_swish/factor").value;
  factor.copy_from(Tensor::from(std::vector<float>{1, 2, 3}, {3}));
  for (const char* file : {"own.h5", "own.keras"}) {
    std::vector<float> factor_before = factor.to_vector<float>();
    model.train_on_batch(x, y);
    EXPECT_NE(factor.to_vector<float>(), factor_before) << "it learns";
    model.save(folder / file);
    Model loaded = Model::load(folder / file, {.training = true});
    EXPECT_EQ(loaded.forward(x).to_vector<float>(), model.forward(x).to_vector<float>());
    const ScaledSwish* own = options_of<ScaledSwish>(*loaded.graph().layers().back());
    ASSERT_NE(own, nullptr);
    EXPECT_EQ(own->beta, 1.5);
    EXPECT_EQ(own->name, "scaled_swish");
    model.train_on_batch(x, y);
    loaded.train_on_batch(x, y);
    EXPECT_EQ(loaded.forward(x).to_vector<float>(), model.forward(x).to_vector<float>()) << "it goes on";
  }
}

TEST(OwnLayer, IsCheckedInCodeAndInFiles) {
  try {
    LayerPtr layer = ScaledSwish{.beta = -1};
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::failed);
    EXPECT_STREQ(error.what(), "Mine>ScaledSwish: beta must be at least 0, not -1");
  }
  try {
    make_layer("Mine>ScaledSwish", Config::map({{"name", "s"}, {"gamma", 2}}));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "layer s (Mine>ScaledSwish): option gamma: 2 is not supported");
  }
}

TEST(OwnLayer, HasSeveralInputsAndOutputs) {
  LayerPtr layer = Butterfly{};
  EXPECT_EQ(layer->output_shapes({{2}, {2}}).size(), 2U);
  EXPECT_THROW(layer->output_shape({{2}, {2}}), Error);
  Tensor a = Tensor::from(std::vector<float>{1, 2}, {1, 2}),
         b = Tensor::from(std::vector<float>{5, 3}, {1, 2});
  std::vector<Tensor> outputs = layer->call({a, b}, {});
  EXPECT_EQ(outputs.at(0).to_vector<float>(), (std::vector<float>{6, 5}));
  EXPECT_EQ(outputs.at(1).to_vector<float>(), (std::vector<float>{-4, -1}));
  EXPECT_NE(make_layer("Mine>Butterfly", Config::map({{"name", "b"}})), nullptr);  // known since it was made
}

TEST(OwnLayer, LeavesNothingBehindWhenItDoesNotBuild) {
  LayerPtr layer = Failing{.name = "f"};
  ParameterSet parameters;
  EXPECT_THROW(layer->build({{3}}, parameters), Error);
  EXPECT_TRUE(parameters.all().empty());
  EXPECT_TRUE(layer->parameters().empty());
  LayerPtr other = Dense{.units = 2, .name = "f"};
  other->build({{3}}, parameters);
  EXPECT_EQ(parameters.all().size(), 2U);
}

}  // namespace
}  // namespace manul
