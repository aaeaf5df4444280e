#include <gtest/gtest.h>

#include <cmath>

#include "manul/models/keras/h5.h"
#include "manul/ops/losses/kinds/huber.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Weights of samples and classes, and several outputs with losses of their own.
namespace manul {
namespace {

Tensor ramp(int64_t count, double scale) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(scale * std::sin(1.7 * double(i) + 0.3));
  return Tensor::from(values, {count});
}

Sequential logistic() {
  Sequential model({3});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid, .name = "out"});
  return model;
}

const Tensor x = random_tensor({8, 3}, 1);
const std::vector<int32_t> classes{0, 1, 1, 0, 1, 0, 0, 1};
const Tensor y = Tensor::from(classes, {8});
const std::vector<float> importance{1, 0.5F, 2, 0, 1, 3, 1, 0.25F};

/// sum(w * l) / n from the outputs, by hand.
double weighted_binary(const Tensor& outputs, const std::vector<double>& weights) {
  double sum = 0;
  std::vector<float> p = outputs.to_vector<float>();
  for (size_t i = 0; i < p.size(); ++i)
    sum -= weights[i] * std::log(classes[i] ? double{p[i]} : 1 - double{p[i]});
  return sum / static_cast<double>(p.size());
}

TEST(Weights, OfSamplesMakeASumOverTheBatchSize) {
  for (bool fused : {true, false}) {
    Sequential model = logistic();
    model.compile(SGD{{.learning_rate = 0.5}}, Loss::binary_crossentropy, {},
                  {.seed = 2, .fusion = {.loss_from_logits = fused}});
    std::vector<double> weights(importance.begin(), importance.end());
    double wanted = weighted_binary(model.predict(x), weights);
    Tensor loss = model.train_on_batch(x, y, Tensor::from(importance, {8}));
    EXPECT_NEAR(loss.item<float>(), wanted, 1e-6) << fused;
  }
}

TEST(Weights, ChangeTheStepAsRepeatedSamplesDo) {
  // Weights 0, 1, 2 over 4 samples against the samples written out, at a rate that makes up for the count.
  std::vector<float> counts{2, 0, 1, 1};
  Tensor four = x.range(0, {4, 3}), four_labels = y.range(0, {4});
  Sequential weighted = logistic(), written = logistic();
  weighted.compile(SGD{{.learning_rate = 0.5}}, Loss::binary_crossentropy, {}, {.seed = 2});
  written.compile(SGD{{.learning_rate = 0.5}}, Loss::binary_crossentropy, {}, {.seed = 2});
  weighted.train_on_batch(four, four_labels, Tensor::from(counts, {4}));
  std::vector<float> rows;
  std::vector<int32_t> labels;
  for (int sample : {0, 0, 2, 3}) {
    for (int i = 0; i < 3; ++i) rows.push_back(x.data<float>()[sample * 3 + i]);
    labels.push_back(classes[sample]);
  }
  written.train_on_batch(Tensor::from(rows, {4, 3}), Tensor::from(labels, {4}));
  EXPECT_LE(normalised_error(weighted.parameters().values(), written.parameters().values()), 1e-6);
}

TEST(Weights, OfClassesAreWeightsOfTheirSamples) {
  std::vector<float> by_class(8);
  for (int i = 0; i < 8; ++i) by_class[i] = importance[i] * (classes[i] ? 3.0F : 0.5F);
  Sequential one = logistic(), two = logistic();
  for (Sequential* model : {&one, &two})
    model->compile(Adam{{.learning_rate = 0.1}}, Loss::binary_crossentropy, {}, {.seed = 2});
  History a = one.fit(x, y,
                      {.epochs = 3,
                       .batch_size = 3,
                       .sample_weight = Tensor::from(importance, {8}),
                       .class_weight = {{0, 0.5}, {1, 3.0}}});
  History b = two.fit(x, y, {.epochs = 3, .batch_size = 3, .sample_weight = Tensor::from(by_class, {8})});
  EXPECT_EQ(a.epochs(), b.epochs());
  EXPECT_TRUE(equal_bits(one.parameters().values(), two.parameters().values()));
  EXPECT_THROW(one.fit(x, y, {.class_weight = {{-1, 2}}}), Error);
}

TEST(Weights, OfClassesTakeRowsAndEveryType) {
  Tensor table = Tensor::from(std::vector<float>{2, 3}, {2});
  auto weigh = [&](const Tensor& labels) {
    Tensor weights = Tensor::full({3}, 10.0);
    weights_by_class(labels, table, true, weights);
    return weights.to_vector<float>();
  };
  EXPECT_EQ(weigh(Tensor::from(std::vector<int32_t>{1, 0, 7}, {3})), (std::vector<float>{30, 20, 10}));
  EXPECT_EQ(weigh(Tensor::from(std::vector<float>{1, 0, -1}, {3, 1})), (std::vector<float>{30, 20, 10}));
  EXPECT_EQ(weigh(Tensor::from(std::vector<double>{0, 1, 1, 0, 0.5, 0.5}, {3, 2})),
            (std::vector<float>{30, 20, 20}));
}

/// Two outputs over a shared trunk.
Model two_headed() {
  Graph graph;
  Symbol in = graph.input({3});
  Symbol trunk = graph.apply(Dense{.units = 5, .activation = Activation::tanh, .name = "trunk"}, in);
  graph.set_outputs({graph.apply(Dense{.units = 1, .activation = Activation::sigmoid, .name = "left"}, trunk),
                     graph.apply(Dense{.units = 2, .name = "right"}, trunk)});
  return Model(std::move(graph));
}

Tensor right_labels() {
  return ramp(16, 0.8).view({8, 2});
}

TEST(Outputs, LossIsTheWeightedSumOfTheirs) {
  Model model = two_headed();
  model.compile(SGD{{.learning_rate = 0.1}}, {Loss::binary_crossentropy, "mse"}, {Metric::accuracy},
                {.seed = 4, .loss_weights = {0.3, 2}, .output_metrics = {{Metric::accuracy}, {}}});
  std::vector<Tensor> outputs = model.forward_all({x});
  double left = weighted_binary(outputs[0], std::vector<double>(8, 1.0)), right = 0;
  std::vector<float> p = outputs[1].to_vector<float>(), t = right_labels().to_vector<float>();
  for (size_t i = 0; i < p.size(); ++i) right += (double{p[i]} - t[i]) * (double{p[i]} - t[i]) / 16;
  Logs logs = model.evaluate(x, {y, right_labels()}, 8);
  ASSERT_EQ(logs.size(), 4U);
  EXPECT_EQ(logs[0].first, "loss");
  EXPECT_NEAR(logs[0].second, 0.3 * left + 2 * right, 1e-6);
  EXPECT_EQ(logs[1].first, "left_loss");
  EXPECT_NEAR(logs[1].second, left, 1e-6);
  EXPECT_EQ(logs[2].first, "right_loss");
  EXPECT_NEAR(logs[2].second, right, 1e-6);
  EXPECT_EQ(logs[3].first, "left_accuracy");
  EXPECT_NEAR(model.train_on_batch(x, {y, right_labels()}).item<float>(), 0.3 * left + 2 * right, 1e-6);
}

TEST(Outputs, GradientIsThatOfTheSum) {
  Model model = two_headed();
  model.compile(SGD{{.learning_rate = 1}}, {Loss::binary_crossentropy, "mse"}, {},
                {.seed = 4, .loss_weights = {0.3, 2}});
  Tensor before = model.parameters().values().clone();
  auto loss_at = [&](int64_t i, float step) {
    model.parameters().values().copy_from(before);
    model.parameters().values().mutable_data<float>()[i] += step;
    return model.evaluate(x, {y, right_labels()}, 8)[0].second;
  };
  int64_t place = model.parameters().at("trunk/kernel").offset + 4;
  double slope = (loss_at(place, 1e-2F) - loss_at(place, -1e-2F)) / 2e-2;
  model.parameters().values().copy_from(before);
  model.train_on_batch(x, {y, right_labels()});
  EXPECT_NEAR(before.data<float>()[place] - model.parameters().values().data<float>()[place], slope, 1e-3);
}

TEST(Outputs, OneWithoutALossTakesNoLabel) {
  Model model = two_headed();
  model.compile(SGD{}, {Loss::binary_crossentropy, nullptr}, {}, {.seed = 4});
  History history = model.fit(x, y, {.epochs = 2, .validation_split = 0.25});
  EXPECT_EQ(history.epochs()[0][1].first, "left_loss");
  EXPECT_THROW(model.fit(x, {y, right_labels()}), Error);
  EXPECT_THROW(model.compile(SGD{}, {nullptr, nullptr}), Error);
  EXPECT_THROW(model.compile(SGD{}, {Loss::binary_crossentropy, "mse", "mse"}), Error);
}

TEST(Outputs, AreKeptInAFile) {
  TemporaryFolder folder;
  std::string path = folder / "heads.h5";
  Model model = two_headed();
  model.compile(SGD{{.learning_rate = 0.1}}, {Loss::binary_crossentropy, Huber{.delta = 0.3}}, {},
                {.seed = 4, .loss_weights = {0.5, 2}, .output_metrics = {{Metric::accuracy}, {}}});
  model.save(path);
  Model loaded = Model::load(path, {.training = true});
  EXPECT_EQ(loaded.evaluate(x, {y, right_labels()}), model.evaluate(x, {y, right_labels()}));
  EXPECT_EQ(loaded.objectives()[1].weight, 2);
  EXPECT_EQ(loaded.objectives()[1].loss.spec().options, LossSpec(Huber{.delta = 0.3}).options);
}

TEST(Outputs, AnOutputThatIsUsedInsideKeepsItsActivation) {
  Graph graph;
  Symbol in = graph.input({3});
  Symbol gate = graph.apply(Dense{.units = 1, .activation = Activation::sigmoid, .name = "gate"}, in);
  Symbol last = graph.apply(Dense{.units = 1, .activation = Activation::sigmoid, .name = "last"}, gate);
  graph.set_outputs({gate, last});
  Model model(std::move(graph));
  model.compile(SGD{}, Loss::binary_crossentropy, {}, {.seed = 1});
  std::vector<Tensor> outputs = model.forward_all({x});
  std::vector<double> ones(8, 1.0);
  EXPECT_NEAR(model.train_on_batch(x, {y, y}).item<float>(),
              weighted_binary(outputs[0], ones) + weighted_binary(outputs[1], ones), 1e-5);
}

}  // namespace
}  // namespace manul
