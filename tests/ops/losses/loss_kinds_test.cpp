#include <cmath>
#include <set>
#include <utility>

#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/ops/losses/kinds/ctc.h"
#include "manul/ops/losses/kinds/huber.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/ops/shape/shape_ops.h"
#include "manul/tests/keras_losses.h"
#include "manul/tests/keras_reference.h"

// Every loss of the table against Keras' numbers, found by its class name: tests/reference/losses.h5 and
// more_losses.h5 (values, each sample's, gradients) and losses_keras3.h5 (values). The others' gradients are
// held against differences.
namespace manul {
namespace {

LossSpec loss_of(const Fixture& fixture, const std::string& group) {
  std::string class_name = fixture.text(group, "class_name");
  LossSpec defaults = find_loss(class_name);
  Options options;
  for (const auto& [key, value] : defaults.options) {
    if (!fixture.has_attribute(group, key)) continue;
    double number = fixture.number(group, key);
    if (key == "axis")
      options.emplace_back(key, std::vector<double>{1, 2, 3});
    else if (std::holds_alternative<bool>(value))
      options.emplace_back(key, number != 0);
    else if (key == "delta")
      // Keras rounds it to float32, also for float64 tensors: 0.3 is 0.300000012 there.
      options.emplace_back(key, static_cast<double>(static_cast<float>(number)));
    else
      options.emplace_back(key, number);
  }
  LossSpec loss = find_loss(class_name, options);
  if (fixture.has_attribute(group, "reduction")) loss.reduction = LossReduction::sum;
  return loss;
}

Tensor weights_in(const Fixture& fixture, const std::string& group, DType dtype, Device device) {
  std::string path = group + "/sample_weight";
  return fixture.has(path) ? fixture.tensor(path).to(dtype).to(device) : Tensor();
}

void expect_what_keras_gives(const std::string& name, DType dtype, Device device) {
  std::string inputs = "keras2/losses/" + name;
  std::string results = keras_losses().has("keras3/losses/" + name) ? "keras3/losses/" + name : inputs;
  LossSpec loss = loss_of(keras_losses(), inputs);
  ASSERT_TRUE(loss.values);
  bool has_clip = loss.plain || name.find("smoothing") != std::string::npos;
  // 1 - 1e-7 is another number in f32, and so is what becomes of a probability there.
  double tolerance = dtype == DType::f64 ? 1e-8 : has_clip ? 0.1 : 1e-5;
  // Keras 2 adds an epsilon inside the logarithms; Keras 3's numbers are there where that is more than 1e-6.
  if (name.starts_with("bce") && results == inputs) tolerance = std::max(tolerance, 2e-6);
  Tensor labels = keras_losses().tensor(inputs + "/y_true").to(device);
  Tensor predictions = keras_losses().tensor(inputs + "/y_pred").to(dtype).to(device);
  predictions.watch(Tensor::empty_like(predictions));
  Tensor weights = weights_in(keras_losses(), inputs, dtype, device);
  Tensor each = loss_values(loss, labels, predictions);
  if (weights.defined()) each = multiply(each, weights);
  EXPECT_LE(normalised_error(each.to(DType::f64), keras_losses().tensor(results + "/each")), tolerance);
  Tape tape;
  Tensor value = mean_loss(loss, labels, predictions, weights);
  double wanted = keras_losses().values(results + "/value")[0];
  EXPECT_NEAR(value.to(DType::f64).item<double>(), wanted, tolerance * (1 + std::abs(wanted)));
  tape.backward(value);
  EXPECT_LE(
      normalised_error(predictions.leaf()->gradient.to(DType::f64), keras_losses().tensor(results + "/grad")),
      tolerance);
}

TEST(LossKinds, GiveWhatKerasGives) {
  for (const std::string& name : keras_losses().names("keras2/losses"))
    for (Device device : test_devices())
      for (DType dtype : {DType::f64, DType::f32}) {
        SCOPED_TRACE(name + " " + std::string(name_of(dtype)) + " " + device.name());
        expect_what_keras_gives(name, dtype, device);
      }
}

TEST(LossKinds, GiveWhatKeras3Gives) {
  const Fixture& fixture = keras3_losses();
  for (const std::string& name : fixture.names("losses"))
    for (Device device : test_devices()) {
      SCOPED_TRACE(name + " " + device.name());
      std::string group = "losses/" + name;
      LossSpec loss = loss_of(fixture, group);
      ASSERT_TRUE(loss.values);
      Tensor labels = fixture.tensor(group + "/y_true").to(device);
      Tensor predictions = fixture.tensor(group + "/y_pred").to(device);
      Tensor weights = weights_in(fixture, group, DType::f64, device);
      double wanted = fixture.values(group + "/value")[0];
      // Computed in float32.
      EXPECT_NEAR(mean_loss(loss, labels, predictions, weights).item<double>(), wanted,
                  3e-6 * (1 + std::abs(wanted)));
    }
}

TEST(LossKinds, GiveWhatKeras3GivesForPicturesAndSums) {
  for (const std::string& name : more_keras_losses().names("losses"))
    for (Device device : test_devices()) {
      SCOPED_TRACE(name + " " + device.name());
      std::string group = "losses/" + name;
      LossSpec loss = loss_of(more_keras_losses(), group);
      ASSERT_TRUE(loss.values);
      Tensor labels = more_keras_losses().tensor(group + "/y_true").to(device), each;
      Tensor predictions = more_keras_losses().tensor(group + "/y_pred").to(device);
      predictions.watch(Tensor::empty_like(predictions));
      Tensor weights = weights_in(more_keras_losses(), group, DType::f64, device);
      double tolerance = loss.class_name == "CTC" ? 1e-6 : 1e-8;  // TensorFlow computes it in float32
      Tape tape;
      Tensor value = mean_loss(loss, labels, predictions, weights);
      double wanted = more_keras_losses().values(group + "/value")[0];
      EXPECT_NEAR(value.item<double>(), wanted, tolerance * (1 + std::abs(wanted)));
      tape.backward(value);
      EXPECT_LE(normalised_error(predictions.leaf()->gradient, more_keras_losses().tensor(group + "/grad")),
                10 * tolerance);
      if (weights.defined()) continue;
      EXPECT_LE(normalised_error(loss_values(loss, labels, predictions),
                                 more_keras_losses().tensor(group + "/each")),
                tolerance);
    }
}

/// All ways to read "1", "1 1" and nothing in three steps of two classes and the blank, added up by hand.
TEST(LossKinds, CTCAddsUpAllWaysToReadTheClasses) {
  Tensor probabilities = test_values({3, 3, 3}, 5, DType::f64, {}, 0.1, 1);
  for (Device device : test_devices()) {
    Tensor logits = log(probabilities).to(device);
    Tensor labels = Tensor::from(std::vector<int32_t>{1, 0, 1, 1, 0, 0}, {3, 2}, device);
    std::vector<double> values = loss_values(CTC{}, labels, logits).to_vector<double>();
    Tensor rows = softmax(log(probabilities));
    auto p = [&](int sample, int step, int of) { return rows.data<double>()[(sample * 3 + step) * 3 + of]; };
    auto way = [&](int sample, int a, int b, int c) {
      return p(sample, 0, a) * p(sample, 1, b) * p(sample, 2, c);
    };
    double one = way(0, 1, 0, 0) + way(0, 0, 1, 0) + way(0, 0, 0, 1) + way(0, 1, 1, 0) + way(0, 0, 1, 1) +
                 way(0, 1, 1, 1);
    EXPECT_NEAR(values[0], -std::log(one), 1e-9) << device.name();
    EXPECT_NEAR(values[1], -std::log(way(1, 1, 0, 1)), 1e-9) << device.name();
    EXPECT_NEAR(values[2], -std::log(way(2, 0, 0, 0)), 1e-9) << device.name();
    // Two equal classes need three steps.
    Tensor two = slice(logits, 1, 0, 2);
    two.watch(Tensor::empty_like(two));
    Tape tape;
    Tensor impossible = loss_values(CTC{}, labels, two);
    EXPECT_GE(impossible.to_vector<double>()[1], 1e29);
    tape.backward(sum(impossible));
    Tensor gradient = two.leaf()->gradient;
    for (double value : slice(gradient, 0, 1, 2).to_vector<double>()) EXPECT_EQ(value, 0);
    EXPECT_THROW(loss_values(CTC{}, labels, Tensor::zeros({3, 3})), Error);
  }
}

TEST(LossKinds, HaveTheGradientsOfTheirValues) {
  const Fixture& fixture = keras3_losses();
  for (const std::string& name : fixture.names("losses")) {
    SCOPED_TRACE(name);
    std::string group = "losses/" + name;
    LossSpec loss = loss_of(fixture, group);
    Tensor labels = fixture.tensor(group + "/y_true"), predictions = fixture.tensor(group + "/y_pred");
    Tensor weights = weights_in(fixture, group, DType::f64, {});
    Tensor differences = Tensor::empty_like(predictions), watched = predictions.clone();
    constexpr double step = 1e-6;
    auto value_at = [&](int64_t i, double offset) {
      double& element = predictions.mutable_data<double>()[i];
      double kept = std::exchange(element, element + offset);
      double value = mean_loss(loss, labels, predictions, weights).item<double>();
      element = kept;
      return value;
    };
    for (int64_t i = 0; i < predictions.elements(); ++i)
      differences.mutable_data<double>()[i] = (value_at(i, step) - value_at(i, -step)) / (2 * step);
    watched.watch(Tensor::empty_like(watched));
    Tape tape;
    tape.backward(mean_loss(loss, labels, watched, weights));
    EXPECT_LE(normalised_error(watched.leaf()->gradient, differences), 1e-6);
  }
}

TEST(LossKinds, EachOfTheTableHasNumbers) {
  std::set<std::string> with_numbers;
  for (const std::string& name : keras_losses().names("keras2/losses"))
    with_numbers.insert(keras_losses().text("keras2/losses/" + name, "class_name"));
  for (const std::string& name : keras3_losses().names("losses"))
    with_numbers.insert(keras3_losses().text("losses/" + name, "class_name"));
  for (const std::string& name : more_keras_losses().names("losses"))
    with_numbers.insert(more_keras_losses().text("losses/" + name, "class_name"));
  EXPECT_GE(registered_losses().size(), 21U);
  for (const LossSpec& loss : registered_losses()) {
    EXPECT_TRUE(with_numbers.count(loss.class_name)) << loss.class_name;
    EXPECT_EQ(find_loss(loss.name).class_name, loss.class_name);
    for (const std::string& alias : loss.aliases) EXPECT_EQ(find_loss(alias).name, loss.name);
  }
}

TEST(LossKinds, BehindTheirActivationAreThoseOfTheLogits) {
  Tensor logits = test_values({2, 3, 4, 3}, 1, DType::f64, {}, -2, 2);
  Tensor classes = Tensor::from(
      std::vector<int32_t>{0, 1, 2, 0, 1, 2, 2, 1, 0, 0, 0, 1, 0, 1, 2, 0, 1, 2, 2, 1, 0, 0, 0, 1},
      {2, 3, 4});
  LossSpec sparse = find_loss("sparse_categorical_crossentropy");
  EXPECT_NEAR(mean_loss(sparse, classes, logits, {}, true).item<double>(),
              mean_loss(sparse, classes, softmax(logits)).item<double>(), 1e-12);
  LossSpec smoothed = find_loss("BinaryCrossentropy", {{"label_smoothing", 0.1}});
  Tensor labels = test_values({2, 3, 4, 3}, 2, DType::f64, {}, 0, 1);
  EXPECT_NEAR(mean_loss(smoothed, labels, logits, {}, true).item<double>(),
              mean_loss(smoothed, labels, sigmoid(logits)).item<double>(), 1e-12);
}

TEST(LossKinds, SayWhatDoesNotFit) {
  EXPECT_FALSE(find_loss("no_such_loss").values);
  EXPECT_THROW(find_loss("huber", {{"epsilon", 1.0}}), Error);
  EXPECT_THROW(mean_loss(Huber{}, Tensor::zeros({3, 2}), Tensor::zeros({3, 1})), Error);
  LossSpec wrong{"wrong", "Wrong", {}, {}, [](const Tensor&, const Tensor& p) { return reshape(p, {2, 3}); }};
  EXPECT_THROW(mean_loss(wrong, Tensor::zeros({3, 2}), Tensor::zeros({3, 2})), Error);
  EXPECT_THROW(mean_loss(find_loss("mse"), Tensor::zeros({3, 2}), Tensor::zeros({3, 2}), Tensor::zeros({2})),
               Error);
  Tensor unknown = Tensor::from(std::vector<int32_t>{0, 3}, {2});
  EXPECT_THROW(loss_values(find_loss("SparseCategoricalCrossentropy"), unknown, Tensor::zeros({2, 3})),
               Error);
}

}  // namespace
}  // namespace manul
