#include "manul/ops/metrics/accumulate.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

#include "manul/framework/cpu/column_sums.h"
#include "manul/ops/metrics/accumulate_functions.h"

namespace manul {

struct DeviceNumbers::State {
  std::vector<double> numbers;
  std::mutex mutex;
  std::map<std::string, Tensor> tensors;  // by device
};

DeviceNumbers::DeviceNumbers(std::vector<double> numbers) : state_(std::make_shared<State>()) {
  state_->numbers = std::move(numbers);
}

const std::vector<double>& DeviceNumbers::numbers() const {
  return state_->numbers;
}

Tensor DeviceNumbers::on(Device device) const {
  std::lock_guard lock(state_->mutex);
  Tensor& tensor = state_->tensors[device.name()];
  if (!tensor.defined())
    tensor = Tensor::from(state_->numbers, {static_cast<int64_t>(state_->numbers.size())}, device);
  return tensor;
}

namespace cpu {
namespace {

template <size_t K, class Term>
void add_sums(int64_t count, const Term& term, double* totals) {
  auto sums = column_sums(count, 1, [&](int64_t i, int64_t /*column*/) {
    std::array<double, K> values{};
    term(i, values.data());
    return values;
  });
  for (size_t k = 0; k < K; ++k) totals[k] += sums[0][k];
}

void add_loss(const Tensor& loss, int64_t samples, const Tensor& totals) {
  if (!loss.defined()) return;
  double* sums = totals.mutable_data<double>();
  visit_float(loss.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    sums[0] += static_cast<double>(*loss.data<T>()) * static_cast<double>(samples);
  });
  sums[1] += static_cast<double>(samples);
}

}  // namespace

void accumulate_matches(const Match& match, const Tensor& predictions, const Tensor& labels,
                        const Tensor& weights, const Tensor& totals, const Tensor& loss,
                        const Tensor& loss_totals) {
  visit_float(predictions.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    bool elementwise = match.kind == Match::Kind::binary || match.kind == Match::Kind::exact;
    int64_t classes = elementwise ? 1 : predictions.shape()[-1], votes = predictions.elements() / classes;
    int64_t samples = predictions.shape()[0];
    metrics::MatchTerm<T> term{predictions.data<T>(), labels_in(labels),
                               metrics::weights_in(weights, votes, samples), match, classes};
    add_sums<2>(votes, term, totals.mutable_data<double>());
    add_loss(loss, samples, loss_totals);
  });
}

void accumulate_values(const Tensor& values, const Tensor& weights, const Tensor& totals, const Tensor& loss,
                       const Tensor& loss_totals) {
  visit_float(values.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    int64_t samples = values.shape()[0];
    metrics::ValueTerm<T> term{values.data<T>(), metrics::weights_in(weights, values.elements(), samples)};
    add_sums<2>(values.elements(), term, totals.mutable_data<double>());
    add_loss(loss, samples, loss_totals);
  });
}

void accumulate_confusion(const Elements& elements, const Tensor& predictions, const Tensor& labels,
                          const Tensor& weights, const Tensor& label_weights, const Tensor& thresholds,
                          const Tensor& totals) {
  visit_float(predictions.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    int64_t count = predictions.elements() / elements.classes;
    int64_t many = thresholds.elements() * elements.columns;
    auto term = metrics::confusion_term<T>(elements, predictions, labels, weights, label_weights, thresholds);
    double* to = totals.mutable_data<double>();
    parallel_for(many, 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        std::array<double, 4> sums{};
        for (int64_t i = 0; i < count; ++i) term.add(i, t, sums.data());
        for (int64_t k = 0; k < 4; ++k) to[k * many + t] += sums[k];
      }
    });
  });
}

void accumulate_class_scores(double threshold, const Tensor& predictions, const Tensor& labels,
                             const Tensor& weights, const Tensor& totals) {
  visit_float(predictions.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    int64_t classes = predictions.shape()[-1], rows = predictions.elements() / classes;
    metrics::ClassScoreTerm<T> term{
        predictions.data<T>(), labels_in(labels),
        metrics::weights_in(weights, predictions.elements(), predictions.shape()[0]), classes, threshold};
    double* to = totals.mutable_data<double>();
    for (int64_t c = 0; c < classes; ++c) {
      std::array<double, 4> sums{};
      for (int64_t row = 0; row < rows; ++row) term.add(row, c, sums.data());
      for (int64_t k = 0; k < 4; ++k) to[k * classes + c] += sums[k];
    }
  });
}

void accumulate_class_pairs(const ClassPairs& pairs, const Tensor& predictions, const Tensor& labels,
                            const Tensor& weights, const Tensor& totals) {
  visit_float(predictions.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    bool rows = pairs.of_predictions == ClassPairs::Rule::largest;
    int64_t classes = totals.shape()[0], votes = predictions.elements() / (rows ? classes : 1);
    metrics::ClassPairTerm<T> term{predictions.data<T>(), labels_in(labels),
                                   metrics::weights_in(weights, votes, predictions.shape()[0]), pairs,
                                   classes};
    double* to = totals.mutable_data<double>();
    for (int64_t i = 0; i < votes; ++i) {
      int64_t label = term.label_of(i), prediction = term.prediction_of(i);
      if (label >= 0 && label < classes && prediction >= 0 && prediction < classes)
        to[label * classes + prediction] += term.weights[i];
    }
  });
}

void accumulate_loss(const Tensor& loss, int64_t samples, const Tensor& loss_totals) {
  add_loss(loss, samples, loss_totals);
}

}  // namespace cpu
}  // namespace manul
