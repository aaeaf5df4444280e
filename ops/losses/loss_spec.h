#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// A loss made of ops, which run and have gradients on both devices: its names, its options, and its values.
/// Batches, weights and the mean are the framework's.
struct LossSpec {
  /// [N] values from labels and predictions [N, ..] of one shape and dtype.
  using Values = std::function<Tensor(const Tensor& labels, const Tensor& predictions)>;
  using Options = std::vector<std::pair<std::string, double>>;

  std::string name;        // Keras' function: "mean_squared_error"
  std::string class_name;  // Keras' class: "MeanSquaredError"
  std::vector<std::string> aliases = {};
  Options options = {};  // in Keras' keys
  Values values = {};
};

/// Makes a loss of a table entry with other options: those not named keep their defaults.
using LossFactory = std::function<LossSpec(const LossSpec::Options& options)>;

/// Adds a loss to the table, from which names in files and in code are looked up. `Loss` is a struct of
/// options that converts to LossSpec and, if it has options, a static from_options(). In a file of its own
/// under ops/losses/ this stands at the end; a user's repository calls it the same way.
bool register_loss(const LossSpec& defaults, LossFactory factory);
template <class Loss>
bool register_loss() {
  return register_loss(Loss{}, []([[maybe_unused]] const LossSpec::Options& options) -> LossSpec {
    if constexpr (requires { Loss::from_options(options); })
      return Loss::from_options(options);
    else
      return Loss{};
  });
}

/// All losses of the table, with their defaults.
const std::vector<LossSpec>& registered_losses();
/// The loss of a name, alias or class name, with these options. An empty name in the result: there is none.
/// Throws on options that it does not have.
LossSpec find_loss(const std::string& name, const LossSpec::Options& options = {});

/// The mean over the batch of the values, each times its weight if there are weights [N] (as in Keras it is
/// divided by the number of samples). Labels may leave out a last axis of length 1. Throws unless labels fit.
Tensor mean_loss(const LossSpec& loss, const Tensor& labels, const Tensor& predictions,
                 const Tensor& weights = {});
/// The values of the samples, [N].
Tensor loss_values(const LossSpec& loss, const Tensor& labels, const Tensor& predictions);

/// What losses are made of. Means over all axes but the first: [N, ..] -> [N].
Tensor mean_of_rows(const Tensor& x);
Tensor sum_of_rows(const Tensor& x);
/// |x|; the gradient at 0 is 0.
Tensor absolute(const Tensor& x);
/// min(x, limit) and max(x, limit).
Tensor at_most(const Tensor& x, double limit);
Tensor at_least(const Tensor& x, double limit);
/// `key` of `options`, or `otherwise`.
double option(const LossSpec::Options& options, const std::string& key, double otherwise);

}  // namespace manul
