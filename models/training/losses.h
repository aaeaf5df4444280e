#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include "manul/ops/losses/loss.h"
#include "manul/ops/losses/loss_spec.h"

namespace manul {

/// What an output of a model is trained towards: a crossentropy, a loss (a value such as
/// `Huber{.delta = 0.3}`, one's own, or a name), or nothing (nullptr).
class OutputLoss {
 public:
  OutputLoss(std::nullptr_t) {}
  OutputLoss(Loss crossentropy);
  /// Throws if the loss has no values.
  OutputLoss(const LossSpec& loss);
  template <class T>
  requires(std::convertible_to<T, LossSpec> && !std::same_as<T, LossSpec> && !std::same_as<T, Loss>)
      OutputLoss(const T& loss)
      : OutputLoss(static_cast<LossSpec>(loss)) {}
  /// By Keras' name, alias or class. Throws ErrorKind::usage if there is none.
  OutputLoss(const std::string& name);
  OutputLoss(const char* name) : OutputLoss(std::string(name)) {}

  bool is_none() const { return !spec_.values; }
  /// Without values if there is none.
  const LossSpec& spec() const { return spec_; }
  /// "binary_crossentropy"; empty for none.
  const std::string& name() const { return spec_.name; }
  /// The same of an output that is logits already. Of a crossentropy without other options; others say it
  /// themselves and stay as they are.
  OutputLoss of_logits() const;

 private:
  LossSpec spec_;
};

/// The losses of a model: one for all outputs, or one for each, in order: `Loss::binary_crossentropy`,
/// `{"mse", Huber{}, nullptr}`.
class Losses : public std::vector<OutputLoss> {
 public:
  template <class T>
  requires(std::convertible_to<T, OutputLoss>) Losses(const T& loss) : vector{OutputLoss(loss)} {}
  Losses(std::initializer_list<OutputLoss> losses) : vector(losses) {}
  Losses(std::vector<OutputLoss> losses) : vector(std::move(losses)) {}
};

}  // namespace manul
