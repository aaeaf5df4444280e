#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "manul/framework/options.h"
#include "manul/framework/tensor.h"
#include "manul/ops/losses/loss_spec.h"

namespace manul {

/// What a metric is told of a batch.
struct MetricBatch {
  Tensor labels;        // as the data set gives them
  Tensor predictions;   // [N, ..], f32 or f64
  Tensor weights = {};  // of the samples, [N], or undefined
  Tensor mask = {};     // of the predictions, [N, ..], 0 where one does not count; or undefined
  /// The predictions are logits of a sigmoid or softmax that was left out; only where takes_logits.
  bool logits = false;
  /// The batch's mean loss and where its total stands: some kernels add it in their own launch. See
  /// take_loss().
  Tensor loss = {}, loss_totals = {};

  /// The loss for a kernel that adds it; undefined if it was taken already.
  Tensor take_loss() { return std::exchange(loss, Tensor()); }
};

/// A metric: its name and options, the totals that it keeps on the device, how a batch adds to them and what
/// they then say. Totals are sums, so that those of several processes add up.
struct MetricSpec {
  std::string name;        // what the column of History is called: "precision"
  std::string class_name;  // Keras' class: "Precision"
  std::vector<std::string> aliases = {};
  Options options = {};
  /// How many totals there are, from the shape of one sample's predictions.
  std::function<int64_t(const Shape& predictions)> totals = {};
  /// Adds a batch to totals, f64. Kernels alone: it is part of a captured step.
  std::function<void(MetricBatch& batch, const Tensor& totals)> update = {};
  /// The metric's value, or several: those are then columns name_0, name_1, ...
  std::function<std::vector<double>(std::span<const double> totals)> result = {};
  /// True if update() can do with logits: nothing then computes the probabilities for it.
  bool takes_logits = false;
  /// The mask of the predictions multiplies the weights, as in Keras' means and accuracies; others count all.
  bool heeds_masks = false;
  /// Which way is better, for callbacks that watch it; nothing: not known.
  std::optional<bool> larger_is_better = {};
};

/// Weights of the places that a mask [N, ..] has: itself, times those of the samples, if there are some.
Tensor masked_weights(const Tensor& mask, const Tensor& weights);

/// The mean over the samples, weighted if there are weights, of `values`: [N, ..] from labels and predictions
/// of one shape and dtype. A metric that is a function of tensors is no more than this.
MetricSpec mean_metric(std::string name, std::string class_name, LossSpec::Values values);

using MetricFactory = std::function<MetricSpec(const Options& options)>;
/// Adds a metric to the table, from which names in files and in code are looked up. `Metric` is a struct that
/// converts to MetricSpec; if it has options, they are told by describe() (framework/options.h). In a file of
/// its own under ops/metrics/kinds/ this stands at the end; a user's repository calls it the same way.
bool register_metric(const MetricSpec& defaults, MetricFactory factory);
template <class Metric>
bool register_metric() {
  return register_metric(Metric{},
                         [](const Options& options) -> MetricSpec { return with_options<Metric>(options); });
}

/// All metrics of the table with their defaults; the losses, which are metrics too, stand in their own.
const std::vector<MetricSpec>& registered_metrics();
/// The metric of a name, alias or class name, with these options; a loss is its mean. It has the name that it
/// was asked for by, or its own where that was a class. Nothing if there is none. Throws on options that it
/// does not have.
std::optional<MetricSpec> find_metric(const std::string& name, const Options& options = {});

/// A metric for compile(): by name, as a value (`Precision{.thresholds = {0.7}}`, a loss, one's own) or as a
/// function of tensors.
class Metric {
 public:
  /// The kind that fits labels and predictions: threshold 0.5, or the largest of several.
  static constexpr const char* accuracy = "accuracy";

  /// Throws ErrorKind::usage if there is none of that name.
  Metric(const std::string& name);
  Metric(const char* name) : Metric(std::string(name)) {}
  Metric(MetricSpec spec);
  Metric(const LossSpec& loss);
  template <class T>
  requires(std::convertible_to<T, MetricSpec> && !std::same_as<T, MetricSpec>) Metric(const T& metric)
      : Metric(static_cast<MetricSpec>(metric)) {}
  template <class T>
  requires(std::convertible_to<T, LossSpec> && !std::same_as<T, LossSpec> &&
           !std::convertible_to<T, MetricSpec>) Metric(const T& loss)
      : Metric(static_cast<LossSpec>(loss)) {}
  /// A function of labels and predictions, [N, ..] -> [N, ..].
  Metric(std::string name, LossSpec::Values values);

  const MetricSpec& spec() const { return spec_; }
  const std::string& name() const { return spec_.name; }
  /// The same under another name in the history.
  Metric named(std::string name) const;
  /// The same metric, as far as names and options tell.
  bool operator==(const Metric& other) const {
    return spec_.name == other.spec_.name && spec_.class_name == other.spec_.class_name &&
           spec_.options == other.spec_.options;
  }

 private:
  MetricSpec spec_;
};

}  // namespace manul
