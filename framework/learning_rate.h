#pragma once

#include <concepts>
#include <memory>
#include <string>

#include "manul/framework/tensor.h"

namespace manul {

/// A learning rate that follows the optimizer's steps. Most are made by ScheduleOf (ops/schedules) from a
/// struct of options.
class Schedule {
 public:
  virtual ~Schedule() = default;
  /// Keras' class name: "CosineDecay".
  virtual std::string class_name() const = 0;
  /// The rate of the step after `iteration` steps.
  virtual double at(int64_t iteration) const = 0;
  /// Sets the learning rate of a step state (framework/step.h) to that of its iteration, on its device.
  virtual void set_rate(const Tensor& state) const = 0;
};

template <class Options>
class ScheduleOf;

/// The function of the steps that a struct of options describes (a float of a float).
template <class Options>
auto schedule_function(const Options& options) {
  if constexpr (requires { options.function(); })
    return options.function();
  else
    return options;
}

/// A struct of options that describes a schedule.
template <class Options>
concept ScheduleOptions = requires(const Options& options) {
  { Options::class_name } -> std::convertible_to<std::string>;
  { schedule_function(options)(1.0F) } -> std::convertible_to<float>;
};

/// What an optimizer multiplies its step by: a number, or a schedule.
///
///     Adam({.learning_rate = 0.01})
///     Adam({.learning_rate = CosineDecay{.initial_learning_rate = 0.01, .decay_steps = 10'000}})
class LearningRate {
 public:
  LearningRate(double number) : number_(number) {}
  LearningRate(std::shared_ptr<const Schedule> schedule) : schedule_(std::move(schedule)) {}
  template <ScheduleOptions Options>
  LearningRate(const Options& options) : schedule_(std::make_shared<ScheduleOf<Options>>(options)) {}

  /// Null where it is a number.
  const Schedule* schedule() const { return schedule_.get(); }
  const std::shared_ptr<const Schedule>& shared_schedule() const { return schedule_; }
  /// Of the first step.
  double initial() const { return schedule_ ? schedule_->at(0) : number_; }

 private:
  double number_ = 0;
  std::shared_ptr<const Schedule> schedule_;
};

}  // namespace manul
