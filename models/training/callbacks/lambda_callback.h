#pragma once

#include <functional>

#include "manul/models/training/callbacks/callback_table.h"

namespace manul {

/// A callback of functions, as Keras' LambdaCallback; those that are empty do nothing.
///
///     LambdaCallback say({.on_epoch_end = [](FitProgress& fit, const Logs& logs) { ... }});
struct LambdaCallbackOptions {
  using Event = std::function<void(FitProgress& fit)>;
  Event on_train_begin = {}, on_epoch_begin = {}, on_step_end = {};
  std::function<void(FitProgress& fit, const Logs& logs)> on_epoch_end = {};
  Event on_train_end = {};
};

class LambdaCallback : public Callback {
 public:
  explicit LambdaCallback(LambdaCallbackOptions options) : options_(std::move(options)) {}
  void on_train_begin(FitProgress& fit) override { call(options_.on_train_begin, fit); }
  void on_epoch_begin(FitProgress& fit) override { call(options_.on_epoch_begin, fit); }
  void on_step_end(FitProgress& fit) override { call(options_.on_step_end, fit); }
  void on_epoch_end(FitProgress& fit, const Logs& logs) override {
    if (options_.on_epoch_end) options_.on_epoch_end(fit, logs);
  }
  void on_train_end(FitProgress& fit) override { call(options_.on_train_end, fit); }

 private:
  static void call(const LambdaCallbackOptions::Event& event, FitProgress& fit) {
    if (event) event(fit);
  }
  LambdaCallbackOptions options_;
};

inline const bool lambda_callback_is_registered = register_callback("LambdaCallback");

}  // namespace manul
