#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace manul {

/// Named numbers of an epoch, by Keras' names, in Keras' order: loss, accuracy, val_loss, val_accuracy.
using Logs = std::vector<std::pair<std::string, double>>;

/// Null if there is none of that name.
const double* find_log(const Logs& logs, const std::string& name);

/// Why a fit ended.
enum class StopReason { finished, early_stopping, not_finite, requested };

/// What fit() returns: the logs of every epoch that was completed, and where it stopped.
class History {
 public:
  const std::vector<Logs>& epochs() const { return epochs_; }
  void add(Logs logs) { epochs_.push_back(std::move(logs)); }
  /// One number of all epochs: history["val_accuracy"]. Throws naming the key if no epoch has it.
  std::vector<double> operator[](const std::string& name) const;

  StopReason stop_reason = StopReason::finished;
  int64_t stopped_epoch = 0;  // where the next step would be: epochs done, and steps done in the next one
  int64_t stopped_step = 0;

 private:
  std::vector<Logs> epochs_;
};

}  // namespace manul
