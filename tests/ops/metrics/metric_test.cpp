#include "manul/ops/metrics/metric.h"

#include <cmath>
#include <set>

#include "manul/framework/error.h"
#include "manul/framework/step.h"
#include "manul/ops/metrics/kinds/auc.h"
#include "manul/ops/metrics/kinds/binary_accuracy.h"
#include "manul/ops/metrics/kinds/binary_iou.h"
#include "manul/ops/metrics/kinds/f1_score.h"
#include "manul/ops/metrics/kinds/fbeta_score.h"
#include "manul/ops/metrics/kinds/mean_iou.h"
#include "manul/ops/metrics/kinds/precision.h"
#include "manul/ops/metrics/kinds/recall.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/tests/keras_losses.h"
#include "manul/tests/keras_reference.h"

// Every metric of tests/reference/losses.h5 and losses_keras3.h5 against Keras' numbers, found by its class
// name.
namespace manul {
namespace {

MetricSpec metric_of(const Fixture& fixture, const std::string& group) {
  std::string class_name = fixture.text(group, "class_name");
  Options options;
  std::optional<MetricSpec> defaults = find_metric(class_name);
  if (!defaults) fail(ErrorKind::failed, "there is no metric {}", class_name);
  for (const auto& [key, value] : defaults->options) {
    if (fixture.has(group + "/" + key)) options.emplace_back(key, fixture.values(group + "/" + key));
    if (!fixture.has_attribute(group, key)) continue;
    if (std::holds_alternative<std::string>(value) || key == "average" || key == "class_aggregation")
      options.emplace_back(key, fixture.text(group, key));
    else if (std::holds_alternative<bool>(value))
      options.emplace_back(key, fixture.number(group, key) != 0);
    else
      options.emplace_back(key, fixture.number(group, key));
  }
  return *find_metric(class_name, options);
}

Tensor rows_of(const Tensor& all, int64_t begin, int64_t end) {
  Shape sample = all.shape().sample();
  return all.range(begin * sample.elements(), sample.batch_of(end - begin));
}

/// The values after the batches [0, first) and [first, all).
std::vector<double> results(const MetricSpec& metric, const Tensor& labels, const Tensor& predictions,
                            const Tensor& weights, int64_t first, Device device) {
  Tensor totals = Tensor::zeros({metric.totals(predictions.shape().sample())}, DType::f64, device);
  std::vector<double> values;
  for (auto [begin, end] : {std::pair{int64_t{0}, first}, {first, predictions.shape()[0]}}) {
    MetricBatch batch{.labels = rows_of(labels, begin, end).to(device),
                      .predictions = rows_of(predictions, begin, end).to(device)};
    if (weights.defined()) batch.weights = rows_of(weights, begin, end).to(device);
    metric.update(batch, totals);
    std::vector<double> sums = totals.to_vector<double>();
    values.push_back(metric.result(sums).at(0));
  }
  return values;
}

/// `results`: where they are, if not in the group of the inputs.
void expect_what_keras_gives(const Fixture& fixture, const std::string& group,
                             const std::string& results_group, DType dtype, Device device, double tolerance) {
  MetricSpec metric = metric_of(fixture, group);
  Tensor labels = fixture.tensor(group + "/y_true"), weights;
  Tensor predictions = fixture.tensor(group + "/y_pred").to(dtype);
  if (fixture.has(group + "/sample_weight")) weights = fixture.tensor(group + "/sample_weight").to(dtype);
  std::vector<double> wanted = fixture.values(results_group + "/results");
  int64_t first = std::max<int64_t>(predictions.shape()[0] / 3, 1);
  std::vector<double> seen = results(metric, labels, predictions, weights, first, device);
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(seen[i], wanted[i], tolerance * (1 + std::abs(wanted[i])));
}

class KerasMetric : public testing::TestWithParam<std::string> {};

TEST_P(KerasMetric, AddsUpAsInKeras) {
  bool both = keras_losses().has("keras3/metrics/" + GetParam());
  // Keras computes top-k in float32 alone; 1 - 1e-7 is another number in f32.
  bool single = GetParam().find("top_") != std::string::npos;
  bool clipped = GetParam().find("crossentropy") != std::string::npos;
  for (Device device : test_devices())
    for (DType dtype : {DType::f64, DType::f32})
      expect_what_keras_gives(keras_losses(), "keras2/metrics/" + GetParam(),
                              (both ? "keras3/metrics/" : "keras2/metrics/") + GetParam(), dtype, device,
                              dtype == DType::f64 && !single ? 1e-9
                              : clipped                      ? 1e-2
                                                             : 2e-6);
}

TEST(Metrics, AddUpAsInKeras3) {
  for (const std::string& name : keras3_losses().names("metrics"))
    for (Device device : test_devices())
      for (DType dtype : {DType::f64, DType::f32}) {
        SCOPED_TRACE(name + " " + device.name());
        std::string group = "metrics/" + name;
        // Computed in float32.
        expect_what_keras_gives(keras3_losses(), group, group, dtype, device, 3e-6);
      }
}

TEST(Metrics, OfMoreKindsAddUpAsInKeras3) {
  for (const std::string& name : more_keras_losses().names("metrics"))
    for (Device device : test_devices())
      for (DType dtype : {DType::f64, DType::f32}) {
        SCOPED_TRACE(name + " " + device.name());
        std::string group = "metrics/" + name;
        // Keras adds 1e-7 where it divides by a number of classes.
        expect_what_keras_gives(more_keras_losses(), group, group, dtype, device,
                                dtype == DType::f64 ? 3e-7 : 5e-6);
      }
}

TEST(Metrics, EachOfTheTableHasNumbers) {
  std::set<std::string> with_numbers;
  for (const std::string& name : keras_losses().names("keras2/metrics"))
    with_numbers.insert(keras_losses().text("keras2/metrics/" + name, "class_name"));
  for (const Fixture* fixture : {&keras3_losses(), &more_keras_losses()})
    for (const std::string& name : fixture->names("metrics"))
      with_numbers.insert(fixture->text("metrics/" + name, "class_name"));
  EXPECT_GE(registered_metrics().size(), 30U);
  for (const MetricSpec& metric : registered_metrics())
    EXPECT_TRUE(metric.class_name.empty() || with_numbers.count(metric.class_name)) << metric.class_name;
}

INSTANTIATE_TEST_SUITE_P(Metrics, KerasMetric, testing::ValuesIn(keras_losses().names("keras2/metrics")),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

Tensor numbers(const std::vector<double>& values, const Shape& shape) {
  return Tensor::from(values, shape);
}

/// After one batch, on each device.
void expect_value(const Metric& metric, const Tensor& labels, const Tensor& predictions,
                  const std::vector<double>& wanted, const Tensor& weights = {}) {
  for (Device device : test_devices()) {
    Tensor totals = Tensor::zeros({metric.spec().totals(predictions.shape().sample())}, DType::f64, device);
    MetricBatch batch{.labels = labels.to(device), .predictions = predictions.to(device)};
    if (weights.defined()) batch.weights = weights.to(device);
    metric.spec().update(batch, totals);
    std::vector<double> seen = metric.spec().result(totals.to_vector<double>());
    ASSERT_EQ(seen.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(seen[i], wanted[i], 1e-7) << device.name();
  }
}

// Numbers of the examples in Keras' documentation.
TEST(Metrics, OfClassesTogether) {
  Tensor truth = numbers({1, 1, 1, 1, 0, 0, 1, 1, 0}, {3, 3});
  Tensor scores = numbers({0.2, 0.6, 0.7, 0.2, 0.6, 0.6, 0.6, 0.8, 0.0}, {3, 3});
  expect_value(F1Score{.threshold = 0.5}, truth, scores, {0.5, 0.8, 2.0 / 3});
  expect_value(FBetaScore{.beta = 2, .threshold = 0.5}, truth, scores, {0.3846154, 0.9090909, 0.8333333});
  expect_value(F1Score{.average = "macro", .threshold = 0.5}, truth, scores, {(0.5 + 0.8 + 2.0 / 3) / 3});
  // 4 right of 6 found and 6 there.
  expect_value(F1Score{.average = "micro", .threshold = 0.5}, truth, scores, {4.0 / 6});
  expect_value(F1Score{.average = "weighted", .threshold = 0.5}, truth, scores,
               {(0.5 * 3 + 0.8 * 2 + 2.0 / 3) / 6});
  EXPECT_THROW(Metric(F1Score{.average = "mean"}), Error);
}

TEST(Metrics, IntersectionOverUnion) {
  Tensor truth = numbers({0, 0, 1, 1}, {4}), predictions = numbers({0, 1, 0, 1}, {4});
  expect_value(MeanIoU{.num_classes = 2}, truth, predictions, {1.0 / 3});
  expect_value(MeanIoU{.num_classes = 2}, truth, predictions, {0.23809524},
               numbers({0.3, 0.3, 0.3, 0.1}, {4}));
  expect_value(BinaryIoU{.target_class_ids = {0, 1}, .threshold = 0.3}, numbers({0, 1, 0, 1}, {4}),
               numbers({0.1, 0.2, 0.4, 0.7}, {4}), {1.0 / 3});
  // Rows of the last axis are votes; labels are a picture of classes, of which 2 does not count.
  Tensor rows = numbers({0.1, 0.9, 0, 0.8, 0.2, 0, 0.3, 0.7, 0, 0.9, 0.1, 0}, {1, 2, 2, 3});
  Tensor classes = Tensor::from(std::vector<int32_t>{1, 0, 0, 2}, {1, 2, 2});
  expect_value(MeanIoU{.num_classes = 3, .ignore_class = 2, .sparse_y_pred = false}, classes, rows,
               {(1.0 / 2 + 1.0 / 2) / 2});
  EXPECT_THROW(expect_value(MeanIoU{}, truth, predictions, {0}), Error);
}

TEST(Metrics, OfOneClassOrAtSeveralThresholds) {
  Tensor truth = numbers({0, 1, 1, 1}, {4, 1}), predictions = numbers({0.2, 0.3, 0.6, 0.9}, {4, 1});
  expect_value(Precision{.thresholds = {0.25, 0.1}}, truth, predictions, {1, 0.75});
  expect_value(Metric("true_positives"), truth, predictions, {2});
  expect_value(Metric("false_negatives"), truth, predictions, {1});
  Tensor both = numbers({0, 1, 1, 1}, {2, 2}), of_both = numbers({0.2, 0.9, 0.1, 0.2}, {2, 2});
  expect_value(Precision{.thresholds = {0.5}, .class_id = 1}, both, of_both, {1});
  expect_value(AUC{.from_logits = true}, truth, numbers({-3, -1, 1, 3}, {4, 1}), {1});
  EXPECT_THROW(Metric(Precision{.thresholds = {1.5}}), Error);
}

TEST(Metrics, OfTheLargestOfARow) {
  Tensor truth = numbers({0, 1, 1, 0, 0, 1}, {2, 3}),
         scores = numbers({0.1, 0.2, 0.05, 0.4, 0.4, 0.4}, {2, 3});
  // Below 0.5 and positive all the same; of equals the first.
  expect_value(Precision{.top_k = 2}, truth, scores, {1.0 / 4});
  expect_value(Recall{.top_k = 2}, truth, scores, {1.0 / 3});
  expect_value(Recall{.thresholds = {0.3, 0.0}, .top_k = 1}, truth, scores, {0, 1.0 / 3});
  expect_value(Recall{.top_k = 3, .class_id = 2}, truth, scores, {1});
}

TEST(Metrics, OfFunctionsOfTensorsAndOfLosses) {
  Tensor truth = numbers({0, 2, 1, 1}, {2, 2}), predictions = numbers({1, 0, 1, 4}, {2, 2});
  Metric largest("bias", [](const Tensor& y, const Tensor& p) { return subtract(p, y); });
  EXPECT_EQ(largest.name(), "bias");
  expect_value(largest, truth, predictions, {0.5});
  expect_value("mse", truth, predictions, {3.5});
  EXPECT_EQ(Metric("mse").name(), "mse");
  EXPECT_EQ(Metric("MeanSquaredError").name(), "mean_squared_error");
  expect_value("rmse", truth, predictions, {std::sqrt(3.5)});
}

TEST(Metrics, TakeTheLossWithThem) {
  for (Device device : test_devices()) {
    Tensor totals = Tensor::zeros({2}, DType::f64, device), losses = Tensor::zeros({2}, DType::f64, device);
    Tensor logits = Tensor::from(std::vector<float>{0.4F, -0.1F, 0.0F, 2.0F}, {4, 1}, device);
    MetricBatch batch{.labels = Tensor::from(std::vector<int32_t>{1, 0, 1, 0}, {4}, device),
                      .predictions = logits,
                      .logits = true,
                      .loss = Tensor::full({}, 0.25, DType::f32, device),
                      .loss_totals = losses};
    Metric("accuracy").spec().update(batch, totals);
    EXPECT_FALSE(batch.loss.defined());
    EXPECT_EQ(totals.to_vector<double>(), (std::vector<double>{2, 4}));
    EXPECT_EQ(losses.to_vector<double>(), (std::vector<double>{1, 4}));
  }
}

TEST(Metrics, OfManyValuesAndWeights) {
  int64_t rows = 5000, inner = 7;
  Tensor values = test_values({rows, inner}, 1, DType::f64), truth = Tensor::zeros({rows, inner}, DType::f64);
  Tensor weights = test_values({rows}, 2, DType::f64, {}, 0, 1);
  double sum = 0, weight = 0;
  for (int64_t row = 0; row < rows; ++row) {
    weight += weights.data<double>()[row];
    for (int64_t i = 0; i < inner; ++i)
      sum +=
          weights.data<double>()[row] * values.data<double>()[row * inner + i] / static_cast<double>(inner);
  }
  Metric metric("values", [](const Tensor& /*y*/, const Tensor& p) { return p; });
  expect_value(metric, truth, values, {sum / weight}, weights);
}

TEST(Metrics, SayWhatDoesNotFit) {
  EXPECT_THROW(Metric("no_such_metric"), Error);
  EXPECT_FALSE(find_metric("no_such_metric"));
  EXPECT_THROW(find_metric("Precision", {{"limit", 0.5}}), Error);
  EXPECT_THROW(find_metric("Precision", {{"top_k", 0.5}}), Error);
  EXPECT_THROW(Metric(Recall{.top_k = 0}), Error);
  EXPECT_THROW(Metric(AUC{.num_labels = 3}), Error);
  Tensor rows = Tensor::zeros({3, 2});
  EXPECT_THROW(expect_value(Precision{.top_k = 3}, rows, rows, {0}), Error);
  EXPECT_THROW(expect_value(AUC{.label_weights = {1, 1, 1}}, rows, rows, {0}), Error);
  EXPECT_THROW(expect_value(AUC{.multi_label = true, .num_labels = 3}, rows, rows, {0}), Error);
  EXPECT_THROW(
      expect_value(AUC{.multi_label = true}, Tensor::zeros({3, 2, 2}), Tensor::zeros({3, 2, 2}), {0}), Error);
  EXPECT_THROW(find_metric("AUC", {{"curve", 3.0}}), Error);
  EXPECT_THROW(expect_value("binary_accuracy", Tensor::zeros({3, 2}), Tensor::zeros({3, 1}), {0}), Error);
  EXPECT_THROW(expect_value("sparse_categorical_accuracy", Tensor::zeros({3, 2}), Tensor::zeros({3, 2}), {0}),
               Error);
}

TEST(Metrics, EachOfTheTableIsFoundByItsNames) {
  EXPECT_GE(registered_metrics().size(), 17U);
  for (const MetricSpec& metric : registered_metrics()) {
    if (metric.class_name.empty()) continue;
    EXPECT_EQ(find_metric(metric.class_name)->class_name, metric.class_name);
    EXPECT_EQ(find_metric(metric.class_name)->options, metric.options) << metric.class_name;
    for (const std::string& alias : metric.aliases)
      EXPECT_EQ(find_metric(alias)->class_name, metric.class_name);
  }
}

}  // namespace
}  // namespace manul
