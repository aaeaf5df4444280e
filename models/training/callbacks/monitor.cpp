#include "manul/models/training/callbacks/monitor.h"

#include <cmath>
#include <limits>

#include "manul/framework/error.h"
#include "manul/models/graph/model.h"

namespace manul {
namespace {

std::string names_of(const Logs& logs) {
  std::string names;
  for (const auto& [name, value] : logs) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace

std::string name_of(MonitorMode mode) {
  switch (mode) {
    case MonitorMode::by_name:
      return "auto";
    case MonitorMode::min:
      return "min";
    case MonitorMode::max:
      break;
  }
  return "max";
}

MonitorMode monitor_mode(const std::string& name) {
  for (MonitorMode mode : {MonitorMode::by_name, MonitorMode::min, MonitorMode::max})
    if (name_of(mode) == name) return mode;
  fail(ErrorKind::usage, "callbacks: the mode is 'auto', 'min' or 'max', not '{}'", name);
}

Monitor::Monitor(std::string name, MonitorMode mode, double min_delta)
    : name_(std::move(name)),
      mode_(mode),
      larger_is_better_(mode == MonitorMode::max ||
                        (mode == MonitorMode::by_name && name_.ends_with("accuracy"))),
      min_delta_(std::abs(min_delta)) {}

void Monitor::follow(const Model& model) {
  if (mode_ != MonitorMode::by_name) return;
  std::string column = name_.starts_with("val_") ? name_.substr(4) : name_;
  size_t outputs = model.objectives().size();
  for (const Objective& objective : model.objectives()) {
    std::string prefix = outputs == 1 ? "" : objective.output + "_";
    if (!column.starts_with(prefix)) continue;
    if (const MetricSpec* metric = objective.metrics.of_column(column.substr(prefix.size())))
      larger_is_better_ = metric->larger_is_better.value_or(larger_is_better_);
  }
}

double Monitor::worst() const {
  double infinity = std::numeric_limits<double>::infinity();
  return larger_is_better_ ? -infinity : infinity;
}

bool Monitor::improves(double value, double reference) const {
  return larger_is_better_ ? value - min_delta_ > reference : value + min_delta_ < reference;
}

double Monitor::value_in(const Logs& logs) const {
  const double* value = find_log(logs, name_);
  if (!value)
    fail(ErrorKind::usage, "fit: {} is to be watched, but an epoch has only {}", name_, names_of(logs));
  return *value;
}

}  // namespace manul
