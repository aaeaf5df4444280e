#include <gmock/gmock.h>

#include "manul/framework/error.h"
#include "manul/models/keras/h5.h"
#include "manul/ops/metrics/kinds/sparse_top_k_categorical_accuracy.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/keras_checks.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

Sequential catdog() {
  Sequential model({20, 20, 3});
  model.add(Conv2D{.filters = 8, .kernel_size = 3, .strides = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 16, .activation = Activation::relu});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  return model;
}

/// A graph in which Keras' order of layers differs from the order in which they are called.
Model skips() {
  Graph graph;
  Symbol x = graph.input({8, 8, 3});
  Symbol late = graph.apply(Conv2D{.filters = 4, .kernel_size = 1, .name = "late"}, x);
  LayerPtr shared = Conv2D{.filters = 4, .kernel_size = 3, .padding = Padding::same, .name = "shared"};
  Symbol y =
      graph.apply(Conv2D{.filters = 4, .kernel_size = 3, .padding = Padding::same, .name = "first"}, x);
  y = graph.apply(BatchNormalization{.name = "norm"}, y);
  y = graph.apply(shared, graph.apply(shared, y));
  y = graph.apply(Add{.name = "sum"}, {y, late});
  y = graph.apply(GlobalAveragePooling2D{.name = "pool"}, y);
  graph.set_outputs({graph.apply(Dense{.units = 3, .activation = Activation::softmax, .name = "out"}, y)});
  return Model(std::move(graph));
}

void train(Model& model, int steps) {
  const Shape& sample = model.graph().nodes()[0].shape;
  Tensor labels = model.loss().plain == Loss::binary_crossentropy
                      ? Tensor::from(std::vector<float>{0, 1, 1, 0}, {4, 1})
                      : Tensor::from(std::vector<int32_t>{0, 1, 2, 0}, {4});
  for (int i = 0; i < steps; ++i) model.train_on_batch(random_tensor(sample.batch_of(4), i), labels);
}

TEST(KerasSave, TrainingGoesOnToTheBit) {
  TemporaryFolder folder;
  std::string path = folder / "resume.h5";
  Sequential model = catdog();
  model.compile(Adam({.learning_rate = 0.003}), Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 7});
  train(model, 3);
  model.save(path);
  Model loaded = Model::load(path, {.training = true});
  expect_same_parameters(model, loaded);
  EXPECT_EQ(loaded.state().read().iteration, 3);
  EXPECT_EQ(loaded.state().read().learning_rate, 0.003);
  EXPECT_EQ(loaded.build_options().seed, 7U);
  EXPECT_EQ(loaded.objectives()[0].metrics, model.objectives()[0].metrics);
  train(model, 2);
  train(loaded, 2);
  expect_same_parameters(model, loaded);
}

TEST(KerasSave, GraphsWithSkipsAndSharedLayers) {
  TemporaryFolder folder;
  std::string path = folder / "skips.h5";
  Model model = skips();
  model.compile(SGD({.learning_rate = 0.05, .momentum = 0.9}), Loss::sparse_categorical_crossentropy);
  train(model, 3);
  model.save(path);
  Model loaded = Model::load(path, {.training = true});
  expect_same_parameters(model, loaded);
  train(model, 2);
  train(loaded, 2);
  expect_same_parameters(model, loaded);
}

TEST(KerasSave, SameModelSameBytes) {
  TemporaryFolder folder;
  std::string first = folder / "first.h5", second = folder / "second.h5";
  for (const std::string& path : {first, second}) {
    Sequential model = catdog();
    model.compile(Adam{}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 3});
    train(model, 2);
    model.save(path);
  }
  EXPECT_EQ(read_file(first), read_file(second));
  Model::load(first, {.training = true}).save(second);
  EXPECT_EQ(read_file(first), read_file(second));
}

/// Also those whose names resemble another's: a top-5 is not an accuracy.
TEST(KerasSave, MetricsComeBackAsThemselves) {
  TemporaryFolder folder;
  Sequential model({4});
  model.add(Dense{.units = 5, .activation = Activation::softmax});
  model.compile(
      Adam{}, Loss::sparse_categorical_crossentropy,
      {SparseTopKCategoricalAccuracy{.k = 2}, Metric::accuracy, SparseTopKCategoricalAccuracy{.k = 3}},
      {.seed = 3});
  Tensor x = random_tensor({40, 4}, 1);
  std::vector<int32_t> classes(40);
  for (int i = 0; i < 40; ++i) classes[i] = i % 5;
  Tensor y = Tensor::from(classes, {40});
  Logs logs = model.evaluate(x, y);
  ASSERT_EQ(logs.size(), 4U);
  EXPECT_LT(logs[2].second, logs[1].second);
  EXPECT_LT(logs[1].second, logs[3].second);
  for (const char* name : {"metrics.h5", "metrics.keras"}) {
    model.save(folder / name);
    EXPECT_EQ(Model::load(folder / name, {.training = true}).evaluate(x, y), logs) << name;
  }
}

TEST(KerasSave, KeepsWhatPredictAndResumeNeed) {
  TemporaryFolder folder;
  std::string path = folder / "notes.h5";
  Sequential model = catdog();
  model.build({.seed = 0xfedcba9876543210});
  model.preprocessing = {{"cats", "dögs \"x\""}, 1.0 / 255, "nearest"};
  model.training_state.values = Config::map({{"epoch", 3}, {"list", Config::List{1, -2}}});
  model.training_state.tensors.emplace_back("numbers",
                                            Tensor::from(std::vector<double>{0.1, NAN, INFINITY}, {3}));
  model.save(path);
  Model loaded = Model::load(path, {.training = true});
  EXPECT_EQ(loaded.preprocessing.class_names, model.preprocessing.class_names);
  EXPECT_EQ(loaded.preprocessing.rescale, 1.0 / 255);
  EXPECT_EQ(loaded.preprocessing.interpolation, "nearest");
  EXPECT_EQ(loaded.training_state.values.at("epoch").as_int(), 3);
  ASSERT_EQ(loaded.training_state.tensors.size(), 1U);
  EXPECT_TRUE(equal_bits(loaded.training_state.tensors[0].second, model.training_state.tensors[0].second));
  EXPECT_EQ(loaded.build_options().seed, 0xfedcba9876543210);
  EXPECT_FALSE(loaded.is_compiled());
  EXPECT_TRUE(Model::load(path).training_state.empty());
}

TEST(KerasSave, NestedModelsAreLaidFlat) {
  TemporaryFolder folder;
  std::string path = folder / "flat.h5";
  Graph graph;
  Symbol x = graph.input({6, 6, 2});
  x = graph.apply(Conv2D{.filters = 3, .kernel_size = 3, .name = "base/conv"}, x);
  x = graph.apply(BatchNormalization{.name = "base/norm"}, x);
  graph.set_outputs({graph.apply(Dense{.units = 2, .name = "head"}, graph.apply(Flatten{}, x))});
  Model model(std::move(graph));
  model.build();
  model.save(path);
  Model loaded = Model::load(path);
  EXPECT_TRUE(equal_bits(loaded.parameters().at("base_conv/kernel").value,
                         model.parameters().at("base/conv/kernel").value));
  Tensor input = random_tensor({2, 6, 6, 2}, 1);
  EXPECT_TRUE(equal_bits(loaded.forward(input), model.forward(input)));
}

TEST(KerasSave, AModelWithoutWeightsIsNotSaved) {
  TemporaryFolder folder;
  EXPECT_THROW(catdog().save(folder / "none.h5"), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "none.h5"));
}

}  // namespace
}  // namespace manul
