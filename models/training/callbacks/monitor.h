#pragma once

#include <string>

#include "manul/models/training/fit.h"

namespace manul {

/// Whether smaller or larger values are better; by_name: what the model's metric of that name says of itself,
/// of others larger where the name ends in accuracy.
enum class MonitorMode { by_name, min, max };
/// Keras' names: "auto", "min", "max". Throws ErrorKind::usage for another one.
std::string name_of(MonitorMode mode);
MonitorMode monitor_mode(const std::string& name);

/// A log that is watched for improvement: strictly below best - min_delta (or above best + min_delta). NaN
/// never improves.
class Monitor {
 public:
  Monitor(std::string name, MonitorMode mode, double min_delta = 0);
  /// Asks the model's metrics which direction is better, where the mode leaves it to them.
  void follow(const Model& model);
  /// Worse than every number.
  double worst() const;
  bool improves(double value, double reference) const;
  /// The log's value. Throws naming the logs there are if it is not among them.
  double value_in(const Logs& logs) const;
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  MonitorMode mode_;
  bool larger_is_better_;
  double min_delta_;
};

/// Options of a callback that watches a log describe their mode by Keras' name.
void describe_mode(auto& description, MonitorMode& mode) {
  std::string name = name_of(mode);
  description.option("mode", name);
  mode = monitor_mode(name);
}

}  // namespace manul
