#include "manul/models/graph/graph.h"

#include <gtest/gtest.h>

#include "manul/framework/tape.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"

namespace manul {
namespace {

/// Two inputs, a skip, a shared layer and two outputs.
Graph branchy_graph() {
  Graph graph;
  Symbol picture = graph.input({6, 5, 2}), vector = graph.input({3});
  Symbol x = graph.apply(Conv2D{.filters = 2, .kernel_size = 3, .padding = Padding::same}, picture);
  x = graph.apply(BatchNormalization{}, x);
  x = graph.apply(ActivationLayer{.activation = Activation::tanh}, x);
  x = graph.apply(Add{}, {x, picture});
  Symbol pooled = graph.apply(GlobalAveragePooling2D{}, x);
  LayerPtr shared = Dense{.units = 4, .activation = Activation::sigmoid};
  Symbol left = graph.apply(shared, graph.apply(Dense{.units = 3}, pooled));
  Symbol right = graph.apply(shared, vector);
  Symbol sum = graph.apply(Add{}, {left, right, left});
  graph.set_outputs({graph.apply(Dense{.units = 2, .activation = Activation::softmax}, sum), left});
  return graph;
}

double loss_of(Model& model, const std::vector<Tensor>& inputs, const std::vector<Tensor>& weights) {
  std::vector<Tensor> outputs = model.forward_all(inputs, {.training = true});
  return add(sum(multiply(outputs[0], weights[0])), sum(multiply(outputs[1], weights[1]))).item<double>();
}

TEST(Graph, GradientsOfBranchesSkipsAndSharedLayers) {
  Model model(branchy_graph());
  model.build({.seed = 3, .dtype = DType::f64});
  std::vector<Tensor> inputs{random_tensor({4, 6, 5, 2}, 1, DType::f64),
                             random_tensor({4, 3}, 2, DType::f64)};
  std::vector<Tensor> weights{random_tensor({4, 2}, 3, DType::f64), random_tensor({4, 4}, 4, DType::f64)};
  {
    Tape tape;
    std::vector<Tensor> outputs = model.forward_all(inputs, {.training = true});
    tape.backward(add(sum(multiply(outputs[0], weights[0])), sum(multiply(outputs[1], weights[1]))));
  }
  constexpr double step = 1e-6;
  for (Parameter& parameter : model.parameters().all()) {
    if (!parameter.trainable) continue;
    for (int64_t i = 0; i < parameter.shape.elements(); ++i) {
      double& value = parameter.value.mutable_data<double>()[i];
      double kept = value;
      value = kept + step;
      double above = loss_of(model, inputs, weights);
      value = kept - step;
      double below = loss_of(model, inputs, weights);
      value = kept;
      EXPECT_NEAR(parameter.gradient.data<double>()[i], (above - below) / (2 * step), 1e-7)
          << parameter.path << " " << i;
    }
  }
}

TEST(Graph, CountsNamesAsKerasDoes) {
  Model model(branchy_graph());
  std::vector<std::string> names;
  for (const LayerPtr& layer : model.graph().layers()) names.push_back(layer->name());
  EXPECT_EQ(names, (std::vector<std::string>{"input_1", "input_2", "conv2d", "batch_normalization",
                                             "activation", "add", "global_average_pooling2d", "dense",
                                             "dense_1", "add_1", "dense_2"}));
  EXPECT_EQ(model.parameters().all()[0].path, "conv2d/kernel");
}

TEST(Graph, InitialValuesDependOnSeedAndPathAlone) {
  Sequential one({5}), two({5});
  one.add(Dense{.units = 4, .name = "a"});
  one.add(Dense{.units = 4, .name = "b"});
  two.add(Dense{.units = 4, .name = "a"});
  two.add(Dense{.units = 6});
  two.add(Dense{.units = 4, .name = "b"});
  one.build({.seed = 8});
  two.build({.seed = 8});
  EXPECT_TRUE(equal_bits(one.parameters().at("a/kernel").value, two.parameters().at("a/kernel").value));
}

TEST(Graph, SaysWhatDoesNotFit) {
  auto message = [](auto function) -> std::string {
    try {
      function();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  Graph graph;
  Symbol x = graph.input({4, 4, 3}), y = graph.input({4, 4, 2});
  EXPECT_EQ(message([&] {
              graph.apply(Add{}, {x, y});
            }),
            "add: an Add takes inputs of one shape, or with axes of length 1, not [4, 4, 3] and [4, 4, 2]");
  EXPECT_EQ(message([&] { graph.apply(Conv2D{.filters = 1}, graph.apply(Flatten{}, x)); }),
            "conv2d: a Conv2D takes samples of 3 axes, not [48]");
  graph.apply(Dense{.units = 2, .name = "head"}, x);
  EXPECT_EQ(message([&] { graph.apply(Dense{.units = 2, .name = "head"}, x); }),
            "graph: two layers are called head");
  EXPECT_EQ(message([] { LayerPtr layer = Dense{}; }), "Dense: units must be at least 1, not 0");

  graph.set_outputs({graph.apply(Dense{.units = 2, .name = "last"}, x)});
  EXPECT_EQ(message([&] { Model model(graph); }), "model: the layer flatten leads to no output");

  Sequential model({4});
  model.add(Dense{.units = 2});
  EXPECT_EQ(message([&] {
              model.predict(Tensor::zeros({3, 5}));
            }),
            "model: input [3, 5] does not fit, a batch of samples [4] is wanted");
  EXPECT_EQ(message([&] { model.add(Flatten{}); }), "model: a layer was added after the model was built");
  InMemoryDataset data = corner_pictures(4, 1);
  EXPECT_EQ(message([&] { model.fit(data); }), "fit: the model is not compiled");
  model.compile(SGD{}, Loss::sparse_categorical_crossentropy);
  EXPECT_EQ(message([&] { model.fit(data); }),
            "fit: samples [9, 10, 2] do not fit the model, which takes [4]");

  Sequential image({4, 4, 3});
  image.add(Conv2D{.filters = 2});
  image.compile(SGD{}, Loss::categorical_crossentropy);  // of each pixel
  EXPECT_EQ(message([&] {
              image.train_on_batch(Tensor::zeros({3, 4, 4, 3}), Tensor::zeros({3, 2}));
            }),
            "categorical_crossentropy: labels [3, 2] do not fit output [3, 4, 4, 2]");
  Sequential lean({4});
  lean.add(Dense{.units = 2});
  lean.build({.gradients = false});
  EXPECT_EQ(message([&] { lean.compile(SGD{}, Loss::binary_crossentropy); }),
            "compile: the model was built for prediction, without gradients");
}

TEST(Graph, PredictTakesLargeInputsInBatches) {
  Sequential model = small_classifier();
  model.build({.gradients = false});
  EXPECT_FALSE(model.parameters().gradients().defined());
  Tensor x = random_tensor({11, 9, 10, 2}, 1);
  Tensor whole = model.predict(x, 100), parts = model.predict(x, 4);
  EXPECT_EQ(whole.shape(), (Shape{11, 1}));
  EXPECT_LE(normalised_error(parts, whole), 1e-6);
}

}  // namespace
}  // namespace manul
