#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "manul/framework/options.h"
#include "manul/framework/step.h"
#include "manul/framework/tensor.h"
#include "manul/ops/losses/loss.h"

namespace manul {

/// How the values of a batch become one number: their mean (divided by the number of samples also if they are
/// weighted), or their sum.
enum class LossReduction { sum_over_batch_size, sum };

/// A loss: its names, its options, and its values, made of ops that run and have gradients on both devices.
/// Batches, weights and the mean are the framework's.
struct LossSpec {
  /// From labels and predictions [N, ..], of one shape and dtype: values [N] or [N, ..] of the samples, or []
  /// of the whole batch, which is weighted by the mean of the weights.
  using Values = std::function<Tensor(const Tensor& labels, const Tensor& predictions)>;
  using Options = manul::Options;

  std::string name;        // Keras' function: "mean_squared_error"
  std::string class_name;  // Keras' class: "MeanSquaredError"
  std::vector<std::string> aliases = {};
  Options options = {};  // in Keras' keys
  Values values = {};
  /// The same where the sigmoid or softmax before the loss is left out: from its logits.
  Values values_from_logits = {};
  /// values() takes labels as the data set has them: of another shape or dtype than the predictions.
  bool labels_as_given = false;
  /// The model's outputs are logits already.
  bool from_logits = false;
  /// 1 for the values that count and 0 for the others, of the values' shape; all count without it.
  std::function<Tensor(const Tensor& labels, const Tensor& values)> counted = {};
  /// Its mean is that of this one, which has kernels that compute it at once.
  std::optional<Loss> plain = {};
  LossReduction reduction = LossReduction::sum_over_batch_size;
};

/// Makes a loss of a table entry with other options: those not named keep their defaults.
using LossFactory = std::function<LossSpec(const LossSpec::Options& options)>;

/// Adds a loss to the table, from which names in files and in code are looked up. `Loss` is a struct that
/// converts to LossSpec; if it has options, they are told by describe() (framework/options.h). In a file of
/// its own under ops/losses/kinds/ this stands at the end; a user's repository calls it the same way.
bool register_loss(const LossSpec& defaults, LossFactory factory);
template <class Loss>
bool register_loss() {
  return register_loss(Loss{},
                       [](const Options& options) -> LossSpec { return with_options<Loss>(options); });
}

/// All losses of the table, with their defaults.
const std::vector<LossSpec>& registered_losses();
/// The loss of a name, alias or class name, with these options. An empty name in the result: there is none.
/// Throws on options that it does not have.
LossSpec find_loss(const std::string& name, const LossSpec::Options& options = {});

/// The values of a batch as one number, by the loss's reduction: their mean, each times its weight if there
/// are weights [N] (or of the values' shape; as in Keras the sum is divided by the number of samples). Labels
/// may leave out a last axis of length 1. `from_logits`: `predictions` are those of the activation that was
/// left out. `part`: these are a part of a batch that several processes have together; the means of all
/// parts, each times its share, add up to the number of the whole batch. Throws unless labels fit.
Tensor mean_loss(const LossSpec& loss, const Tensor& labels, const Tensor& predictions,
                 const Tensor& weights = {}, bool from_logits = false, const BatchPart& part = {});
/// The values of the samples, [N] or [N, ..].
Tensor loss_values(const LossSpec& loss, const Tensor& labels, const Tensor& predictions,
                   bool from_logits = false);

/// What losses are made of. The mean of each row of the last axis: [N, .., C] -> [N, ..]; x itself if it has
/// one axis.
Tensor mean_of_rows(const Tensor& x);
/// Each row of the last axis divided by its sum.
Tensor normalized_rows(const Tensor& x);
/// The sum over these axes, in Keras' numbering; over all ({}), giving [].
Tensor sums_over(const Tensor& x, const std::vector<double>& axes);
/// The cosine of the angle between the rows of the last axis.
Tensor cosine_of_rows(const Tensor& a, const Tensor& b);
/// Labels 0 and 1 as -1 and 1; labels of which one is something else stay as they are.
Tensor signs(const Tensor& labels);
/// Clipped to [1e-7, 1 - 1e-7], outside which no gradient passes.
Tensor clipped_probability(const Tensor& x);
/// Labels with shape and dtype of the predictions. Throws, naming `what`, if they do not fit.
Tensor labels_like(const std::string& what, const Tensor& labels, const Tensor& predictions);

}  // namespace manul
