#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "manul/models/keras/h5.h"
#include "manul/ops/optimizers/optimizers.h"
#include "manul/testing/op_check.h"
#include "manul/tests/error_of.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Masks of padding, which follow the graph to what heeds them, the losses and the metrics, against Keras'
// numbers (tests/models/make_masks.py).
namespace manul {
namespace {

class KerasMasks : public testing::TestWithParam<const char*> {
 protected:
  std::string path_ = reference_file(std::string("models/") + GetParam());
  Fixture expected_{path_};

  std::vector<Tensor> tensors(const std::string& name) const {
    std::vector<Tensor> all;
    for (int i = 0; expected_.has(fmt::format("expected/{}{}", name, i)); ++i)
      all.push_back(expected_.tensor(fmt::format("expected/{}{}", name, i)));
    return all;
  }

  void expect_outputs(Model& model, const std::string& wanted) {
    std::vector<Tensor> seen = model.predict_all(Tensors(tensors("input")));
    for (size_t i = 0; i < seen.size(); ++i)
      EXPECT_LE(normalised_error(seen[i].to(Device::cpu()), tensors(wanted)[i]), 1e-5) << wanted << i;
  }

  void expect_logs(const Logs& logs, const std::string& names, const std::string& values) {
    std::vector<std::string> wanted = expected_.texts("expected", names);
    std::vector<double> numbers = expected_.values("expected/" + values);
    ASSERT_EQ(logs.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      auto found = std::find_if(logs.begin(), logs.end(), [&](const auto& log) {
        // tf.keras has the output's name in that of the metric, and puts it before it again.
        return log.first == wanted[i] || log.first == "tags_" + wanted[i] ||
               log.first == "label_" + wanted[i];
      });
      ASSERT_NE(found, logs.end()) << wanted[i];
      EXPECT_NEAR(found->second, numbers[i], 1e-5) << wanted[i];
    }
  }

  /// Predictions, evaluation and three steps of training.
  void expect_as_in_keras(const std::string& path, Device device) {
    SCOPED_TRACE(path + " " + device.name());
    Model model = Model::load(path, {.device = device, .training = true});
    Tensors inputs(tensors("input")), labels(tensors("label"));
    expect_outputs(model, "before");
    expect_logs(model.evaluate(inputs, labels, 7), "names", "evaluated");
    for (double loss : expected_.values("expected/losses")) {
      History history = model.fit(inputs, labels, {.batch_size = 7, .shuffle = false});
      EXPECT_NEAR(history["loss"][0], loss, 1e-5);
    }
    expect_outputs(model, "after");
    if (!expected_.has("expected/weighted")) return;
    Tensor weights = expected_.tensor("expected/weights");
    ArrayDataset weighted(inputs, labels, Tensors(std::vector{weights, weights}), {.device = device});
    expect_logs(model.evaluate(weighted, 7), "weighted_names", "weighted");
  }
};

TEST_P(KerasMasks, ReachWhatHeedsThem) {
  expect_as_in_keras(path_, Device::cpu());
  if (std::optional<Device> gpu = test_gpu()) expect_as_in_keras(path_, *gpu);
}

TEST_P(KerasMasks, AreThereAgainInFilesThatAreWritten) {
  TemporaryFolder folder;
  Model model = Model::load(path_, {.training = true});
  for (const char* name : {"again.h5", "again.keras"}) {
    model.save(folder / name);
    expect_as_in_keras(folder / name, Device::cpu());
  }
}

INSTANTIATE_TEST_SUITE_P(Files, KerasMasks, testing::Values("keras2-masks.h5", "keras3-masks.h5"),
                         [](const auto& info) { return std::string(info.param).substr(0, 6); });

/// x with its last steps at a value that is masked.
Tensor padded(int64_t steps, int64_t counted) {
  std::vector<float> values;
  for (int64_t sample = 0; sample < 3; ++sample)
    for (int64_t step = 0; step < steps; ++step)
      for (int64_t channel = 0; channel < 2; ++channel)
        values.push_back(step < counted ? std::sin(static_cast<float>(7 * sample + 3 * step + channel))
                                        : 0.F);
  return Tensor::from(values, {3, steps, 2});
}

/// A sequence with padding behind it gives what the bare one does, in training too.
TEST(Masks, PaddingMakesNoDifference) {
  auto network = [](int64_t steps) {
    Graph graph;
    Symbol x = graph.apply(Masking{}, graph.input({steps, 2}));
    x = graph.apply(Dense{.units = 4, .name = "first"}, x);
    x = graph.apply(BatchNormalization{.momentum = 0.5, .name = "norm"}, x);
    x = graph.apply(ActivationLayer{.activation = Activation::relu}, x);
    x = graph.apply(MultiHeadAttention{.num_heads = 2, .key_dim = 3, .name = "attention"}, {x, x});
    Symbol y = graph.apply(Multiply{}, {x, graph.apply(Dense{.units = 4, .name = "second"}, x)});
    y = graph.apply(Maximum{}, {x, y});
    y = graph.apply(GlobalAveragePooling1D{}, y);
    graph.set_outputs({graph.apply(Dense{.units = 1, .name = "answer"}, y)});
    Model model(graph);
    model.compile(SGD({.learning_rate = 0.1}), "mse");
    return model;
  };
  Model bare = network(4), longer = network(7);
  Tensor labels = Tensor::from(std::vector<float>{1, 0, 2}, {3, 1});
  EXPECT_LE(normalised_error(longer.predict(padded(7, 4)), bare.predict(padded(4, 4))), 1e-6);
  for (int step = 0; step < 3; ++step)
    EXPECT_NEAR(longer.train_on_batch(padded(7, 4), labels).item<float>(),
                bare.train_on_batch(padded(4, 4), labels).item<float>(), 1e-5);
  // Keras' 1e-7 in the masked statistics.
  EXPECT_LE(normalised_error(longer.predict(padded(7, 4)), bare.predict(padded(4, 4))), 1e-5);
}

TEST(Masks, ACausalQueryDoesNotSeeWhatComes) {
  Graph graph;
  Symbol x = graph.input({5, 2});
  graph.set_outputs(
      {graph.apply(MultiHeadAttention{.num_heads = 2, .key_dim = 3, .use_causal_mask = true}, {x, x})});
  Model model(graph);
  Tensor whole = padded(5, 5), other = padded(5, 3);
  Tensor a = model.predict(whole), b = model.predict(other);
  for (int64_t sample = 0; sample < 3; ++sample)
    for (int64_t i = 0; i < 5 * 2; ++i) {
      int64_t at = sample * 10 + i;
      bool same = std::abs(a.to_vector<float>()[at] - b.to_vector<float>()[at]) < 1e-6;
      EXPECT_EQ(same, i / 2 < 3) << sample << " " << i;
    }
}

/// A layer that does not know masks takes them off; one that says so passes them on.
struct Halved {
  static constexpr const char* class_name = "Test>Halved";
  static constexpr bool supports_masking = true;
  std::string name = {};
  void describe(Description& /*description*/) {}
  Tensor call(const Tensor& x) const { return scale(x, 0.5); }
};
struct Doubled {
  static constexpr const char* class_name = "Test>Doubled";
  std::string name = {};
  void describe(Description& /*description*/) {}
  Tensor call(const Tensor& x) const { return scale(x, 2); }
};
TEST(Masks, OwnLayersPassThemOnIfTheySaySo) {
  auto mean_behind = [](const LayerPtr& layer) {
    Sequential model({4, 2});
    model.add(Masking{});
    model.add(layer);
    model.add(GlobalAveragePooling1D{});
    return model.predict(padded(4, 2)).to_vector<float>()[0];
  };
  float first = (padded(4, 2).to_vector<float>()[0] + padded(4, 2).to_vector<float>()[2]) / 2;
  EXPECT_NEAR(mean_behind(Halved{}), first / 2, 1e-6);
  EXPECT_NEAR(mean_behind(Doubled{}), first, 1e-6);  // twice, over twice as many
}

TEST(Masks, WhatCannotTakeThemSaysSo) {
  Sequential model({4, 2});
  model.add(Masking{});
  model.add(Softmax{.name = "classes"});
  EXPECT_THAT(error_of([&] { model.build(); }, ErrorKind::failed),
              testing::HasSubstr("classes: a Softmax cannot take the mask"));
}

}  // namespace
}  // namespace manul
