// A metric of one's own, twice: a function of tensors whose mean is taken, and one that keeps its own totals.
#include <cmath>
#include <cstdio>

#include "manul/manul.h"
#include "manul/ops/metrics/metric.h"

using namespace manul;

/// By how much predictions are too large, on average.
struct MeanBias {
  operator MetricSpec() const {
    return mean_metric("mean_bias", "MeanBias",
                       [](const Tensor& y, const Tensor& p) { return subtract(p, y); });
  }
};
const bool mean_bias_is_registered = register_metric<MeanBias>();

/// The same mean, in decibels: from the totals of another metric, at the end.
struct ErrorInDecibels {
  operator MetricSpec() const {
    MetricSpec metric = mean_metric("error_db", "ErrorInDecibels",
                                    [](const Tensor& y, const Tensor& p) { return square(subtract(p, y)); });
    metric.result = [](std::span<const double> totals) {
      return std::vector<double>{10 * std::log10(totals[0] / totals[1] + 1e-12)};
    };
    return metric;
  }
};

int main() {
  std::vector<float> x, y;
  for (int i = 0; i < 64; ++i) {
    x.push_back(static_cast<float>(i) / 32 - 1);
    y.push_back(3 * x.back() + 0.5F);
  }
  Sequential model({1});
  model.add(Dense{.units = 1});
  model.compile(Adam({.learning_rate = 0.05}), find_loss("mse"), {"mean_bias", ErrorInDecibels{}});
  History history = model.fit(Tensor::from(x, {64, 1}), Tensor::from(y, {64, 1}), {.epochs = 100});
  std::printf("bias %.4f, error %.1f dB\n", history["mean_bias"].back(), history["error_db"].back());
  return std::abs(history["mean_bias"].back()) < 0.05 && history["error_db"].back() < -20 ? 0 : 1;
}
