#include "manul/ops/losses/loss_spec.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/ops/dense/matmul.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/ops/shape/shape_ops.h"

// Every header of ops/losses/kinds, by CMake: what they register is in the table.
#include "manul_losses.inc"

namespace manul {
namespace {

struct Table {
  std::vector<LossSpec> defaults;
  std::vector<LossFactory> factories;
};

Table& table() {
  static Table instance;
  return instance;
}

bool is_called(const LossSpec& loss, const std::string& name) {
  return name == loss.name || name == loss.class_name ||
         std::find(loss.aliases.begin(), loss.aliases.end(), name) != loss.aliases.end();
}

Tensor weighted_rows(const Tensor& x, double weight) {
  int64_t rows = x.shape()[0], length = rows ? x.elements() / rows : 0;
  check(length > 0, "loss: predictions {} have no elements", x.shape());
  Tensor factors = Tensor::full({length, 1}, weight, x.dtype(), x.device());
  return reshape(matmul(reshape(x, {rows, length}), factors), {rows});
}

}  // namespace

bool register_loss(const LossSpec& defaults, LossFactory factory) {
  Table& losses = table();
  for (const LossSpec& known : losses.defaults) {
    if (known.name == defaults.name && known.class_name == defaults.class_name) return true;
    check(!is_called(known, defaults.name), "register_loss: there is a loss {} already", defaults.name);
  }
  losses.defaults.push_back(defaults);
  losses.factories.push_back(std::move(factory));
  return true;
}

const std::vector<LossSpec>& registered_losses() {
  return table().defaults;
}

LossSpec find_loss(const std::string& name, const LossSpec::Options& options) {
  const Table& losses = table();
  for (size_t i = 0; i < losses.defaults.size(); ++i) {
    const LossSpec& defaults = losses.defaults[i];
    if (!is_called(defaults, name)) continue;
    for (const auto& [key, value] : options)
      check(std::any_of(defaults.options.begin(), defaults.options.end(),
                        [&](const auto& known) { return known.first == key; }),
            "the loss {} has no option {}", defaults.name, key);
    return losses.factories[i](options);
  }
  return {};
}

Tensor loss_values(const LossSpec& loss, const Tensor& labels, const Tensor& predictions) {
  check(predictions.shape().rank() > 0 && labels.elements() == predictions.elements() &&
            labels.shape().rank() > 0 && labels.shape()[0] == predictions.shape()[0],
        "{}: labels {} do not fit predictions {}", loss.name, labels.shape(), predictions.shape());
  Tensor targets = labels.view(predictions.shape());
  check(targets.dtype() == predictions.dtype() || targets.device().is_cpu(),
        "{}: on a GPU the labels are to be {}, not {}", loss.name, name_of(predictions.dtype()),
        name_of(targets.dtype()));
  if (targets.dtype() != predictions.dtype()) targets = targets.to(predictions.dtype());
  Tensor values = loss.values(targets, predictions);
  check(values.shape() == Shape{predictions.shape()[0]},
        "{}: it gives values {}, but a loss gives one a sample, {}", loss.name, values.shape(),
        Shape{predictions.shape()[0]});
  return values;
}

Tensor mean_loss(const LossSpec& loss, const Tensor& labels, const Tensor& predictions,
                 const Tensor& weights) {
  Tensor values = loss_values(loss, labels, predictions);
  if (!weights.defined()) return mean(values);
  check(weights.shape() == values.shape(), "{}: weights {} do not fit values {}", loss.name, weights.shape(),
        values.shape());
  return mean(multiply(values, weights));
}

Tensor mean_of_rows(const Tensor& x) {
  return weighted_rows(
      x, x.elements() ? static_cast<double>(x.shape()[0]) / static_cast<double>(x.elements()) : 0);
}
Tensor sum_of_rows(const Tensor& x) {
  return weighted_rows(x, 1);
}
Tensor absolute(const Tensor& x) {
  return add(relu(x), relu(negative(x)));
}
Tensor at_most(const Tensor& x, double limit) {
  return scale(relu(scale(x, -1, limit)), -1, limit);
}
Tensor at_least(const Tensor& x, double limit) {
  return scale(relu(scale(x, 1, -limit)), 1, limit);
}

double option(const LossSpec::Options& options, const std::string& key, double otherwise) {
  for (const auto& [name, value] : options)
    if (name == key) return value;
  return otherwise;
}

}  // namespace manul
