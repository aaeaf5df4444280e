#include <gmock/gmock.h>

#include <functional>

#include "manul/framework/config/json.h"
#include "manul/models/graph/graph_layer.h"
#include "manul/models/keras/architecture.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Models as layers of models, parts of models, and what goes wrong with them.
namespace manul {
namespace {

std::string message_of(const std::function<void()>& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

Sequential encoder() {
  Sequential model({4});
  model.add(Dense{.units = 3, .activation = Activation::tanh, .name = "dense"});
  model.add(BatchNormalization{.name = "norm"});
  return model;
}

/// Two pictures through one encoder, compared.
Model siamese(const LayerPtr& encoder) {
  Graph graph;
  Symbol left = graph.input({4}), right = graph.input({4});
  Symbol both = graph.apply(Add{}, {graph.apply(encoder, left), graph.apply(encoder, right)});
  graph.set_outputs(
      {graph.apply(Dense{.units = 1, .activation = Activation::sigmoid, .name = "dense"}, both)});
  return Model(std::move(graph));
}

TEST(Nested, ModelGivesWhatItsLayersGive) {
  Sequential inner = encoder();
  Model model = siamese(inner);
  model.build({.seed = 3});
  Tensor a = random_tensor({5, 4}, 1), b = random_tensor({5, 4}, 2);
  Tensor both = add(inner.forward(a), inner.forward(b));
  Graph head;
  Symbol x = head.input({3});
  head.set_outputs({head.apply(model.layer("dense"), x)});
  Model last(std::move(head));
  EXPECT_TRUE(equal_bits(model.forward({a, b}), last.forward(both)));
  EXPECT_EQ(model.parameters().all().size(), 6U + 2U);
  EXPECT_NO_THROW(model.parameters().at("sequential/dense/kernel"));
  EXPECT_NO_THROW(model.parameters().at("dense/kernel"));
  EXPECT_NO_THROW(inner.parameters().at("dense/kernel"));
}

TEST(Nested, WhatOneModelLearnsTheOtherHas) {
  Sequential inner = encoder();
  Model model = siamese(inner);
  model.compile(SGD{{.learning_rate = 0.5}}, Loss::binary_crossentropy, {}, {.seed = 3});
  Tensor a = random_tensor({5, 4}, 1), b = random_tensor({5, 4}, 2);
  Tensor before = inner.predict(a).clone();
  model.train_on_batch({a, b}, Tensor::from(std::vector<int32_t>{0, 1, 1, 0, 1}, {5}));
  EXPECT_FALSE(equal_bits(inner.predict(a), before));
}

TEST(Nested, IsWrittenNestedAndReadAgain) {
  TemporaryFolder folder;
  std::string path = folder / "siamese.h5", again = folder / "again.h5";
  Sequential inner = encoder();
  Model model = siamese(inner);
  model.compile(Adam{}, Loss::binary_crossentropy, {}, {.seed = 3});
  Tensor a = random_tensor({5, 4}, 1), b = random_tensor({5, 4}, 2);
  Tensor labels = Tensor::from(std::vector<int32_t>{0, 1, 1, 0, 1}, {5});
  model.train_on_batch({a, b}, labels);
  model.save(path);
  Config config = keras::architecture_config(model.graph());
  EXPECT_THAT(json_text(config), testing::HasSubstr("\"class_name\":\"Sequential\""));
  Model loaded = Model::load(path, {.training = true});
  EXPECT_EQ(json_text(keras::architecture_config(loaded.graph())), json_text(config));
  EXPECT_TRUE(equal_bits(loaded.forward({a, b}), model.forward({a, b})));
  EXPECT_TRUE(dynamic_cast<const GraphLayer*>(loaded.layer("sequential").get()));
  model.train_on_batch({a, b}, labels);
  loaded.train_on_batch({a, b}, labels);
  EXPECT_TRUE(equal_bits(loaded.forward({a, b}), model.forward({a, b})));
}

TEST(Nested, FreezesAllThatIsInIt) {
  Sequential inner = encoder();
  inner.as_layer()->set_trainable(false);
  Model model = siamese(inner);
  EXPECT_EQ(model.parameters().trainable_count(), 4);
}

TEST(Nested, SeveralOutputsAndModelsInModels) {
  Graph heads;
  Symbol x = heads.input({4});
  heads.set_outputs(
      {heads.apply(Dense{.units = 2, .name = "one"}, x), heads.apply(Dense{.units = 2, .name = "two"}, x)});
  heads.set_name("heads");
  Model two(std::move(heads));
  Graph middle;
  Symbol y = middle.input({4});
  std::vector<Symbol> values = middle.apply_all(two, {y});
  ASSERT_EQ(values.size(), 2U);
  EXPECT_THAT(message_of([&] { middle.apply(two, y); }), testing::HasSubstr("it has 2 outputs, not one"));
  middle.set_outputs({middle.apply(Add{}, {values[1], values[0]})});
  middle.set_name("middle");
  Model model(std::move(middle));
  Sequential outer({4});
  outer.add(model);
  outer.add(Dense{.units = 1});
  outer.build({.seed = 1});
  TemporaryFolder folder;
  outer.save(folder / "deep.h5");
  Model loaded = Model::load(folder / "deep.h5");
  Tensor input = random_tensor({3, 4}, 1);
  EXPECT_TRUE(equal_bits(loaded.forward(input), outer.forward(input)));
  EXPECT_TRUE(loaded.graph().is_sequential());
  EXPECT_NO_THROW(loaded.parameters().at("middle/heads/two/kernel"));
}

TEST(Parts, OfAModelShareItsLayers) {
  Sequential base({9, 10, 2});
  base.add(Conv2D{.filters = 3, .kernel_size = 3, .name = "conv"});
  base.add(Flatten{.name = "flatten"});
  base.add(Dense{.units = 2, .activation = Activation::softmax, .name = "head"});
  Model features(base.inputs(), {base.output_of("flatten")});
  Model head({base.output_of("flatten")}, base.outputs());
  Tensor x = random_tensor({3, 9, 10, 2}, 1);
  Tensor whole = base.predict(x);
  EXPECT_TRUE(equal_bits(head.predict(features.predict(x)), whole));
  EXPECT_EQ(features.parameters().all().size(), 2U);
  EXPECT_TRUE(
      equal_bits(features.parameters().at("conv/kernel").value, base.parameters().at("conv/kernel").value));
  EXPECT_THAT(message_of([&] { Model({base.output_of("flatten")}, {base.output_of("conv")}); }),
              testing::HasSubstr("an output depends on"));
  EXPECT_THAT(message_of([&] { base.output_of("gone"); }), testing::HasSubstr("there is no layer gone"));
}

TEST(Graphs, ASymbolOfAnotherIsRefused) {
  Graph one, two;
  Symbol a = one.input({4}), b = two.input({4});
  EXPECT_EQ(message_of([&] { one.apply(Dense{.units = 1}, b); }),
            "Dense: an input is a value of another graph");
  EXPECT_EQ(message_of([&] { one.set_outputs({b}); }), "graph: an output is a value of another graph");
  EXPECT_EQ(message_of([&] { Model({a}, {b}); }),
            "model: its inputs and outputs are values of different graphs");
  Graph moved = std::move(one);
  EXPECT_EQ(message_of([&] { one.input({3}); }), "model: it was moved from");
  EXPECT_EQ(message_of([&] { moved.apply(LayerPtr(), a); }), "graph: a layer is null");
}

TEST(Graphs, ALayerThatFailedToBeAddedIsForgotten) {
  Sequential model({4});
  EXPECT_THROW(model.add(Conv2D{.filters = 2}), Error);
  EXPECT_THROW(model.add(MaxPooling2D{}), Error);
  model.add(Dense{.units = 2});
  EXPECT_EQ(model.graph().layers().back()->name(), "dense");
  model.build();
  EXPECT_EQ(model.predict(Tensor::zeros({3, 4})).shape(), (Shape{3, 2}));
  Graph graph;
  Symbol x = graph.input({4});
  EXPECT_THROW(graph.apply(Conv2D{.filters = 2}, x), Error);
  EXPECT_EQ(graph.nodes().size(), 1U);
}

TEST(Graphs, ALayerAddedTwiceIsSavedAndLoaded) {
  Sequential model({4});
  LayerPtr shared = Dense{.units = 4, .name = "shared"};
  model.add(shared);
  model.add(shared);
  model.build({.seed = 2});
  TemporaryFolder folder;
  model.save(folder / "twice.h5");
  Model loaded = Model::load(folder / "twice.h5");
  Tensor x = random_tensor({3, 4}, 1);
  EXPECT_TRUE(equal_bits(loaded.forward(x), model.forward(x)));
  EXPECT_EQ(loaded.parameters().all().size(), 2U);
}

TEST(Graphs, ManyLayersAreNamedInTime) {
  Graph graph;
  Symbol x = graph.input({2});
  for (int i = 0; i < 20'000; ++i) x = graph.apply(ReLU{}, x);
  EXPECT_EQ(graph.layers().back()->name(), "re_lu_19999");
}

}  // namespace
}  // namespace manul
