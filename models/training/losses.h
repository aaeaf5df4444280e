#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "manul/ops/losses/loss.h"
#include "manul/ops/losses/loss_spec.h"

namespace manul {

/// What an output of a model is trained towards: a crossentropy, a loss made of ops (a value such as
/// `Huber{.delta = 0.3}`, one's own, or a name of either kind), or nothing (nullptr).
class OutputLoss {
 public:
  OutputLoss(std::nullptr_t) {}
  OutputLoss(Loss crossentropy) : crossentropy_(crossentropy) {}
  /// Throws if the loss has no values.
  OutputLoss(const LossSpec& composed);
  template <class T>
  requires(std::convertible_to<T, LossSpec> && !std::same_as<T, LossSpec> && !std::same_as<T, Loss>)
      OutputLoss(const T& composed)
      : OutputLoss(static_cast<LossSpec>(composed)) {}
  /// By Keras' name, alias or class. Throws ErrorKind::usage if there is none.
  OutputLoss(const std::string& name);
  OutputLoss(const char* name) : OutputLoss(std::string(name)) {}

  bool is_none() const { return !crossentropy_ && !composed_.values; }
  const std::optional<Loss>& crossentropy() const { return crossentropy_; }
  /// Without values if it is one of the crossentropies.
  const LossSpec& composed() const { return composed_; }
  /// "binary_crossentropy"; empty for none.
  std::string name() const;
  /// The output is logits already, as Keras' loss objects may say. Of crossentropies alone.
  bool from_logits = false;

 private:
  std::optional<Loss> crossentropy_;
  LossSpec composed_;
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

/// Keras' names of a crossentropy.
struct CrossentropyName {
  Loss loss;
  const char* name;
  const char* class_name;
};
const CrossentropyName& names_of(Loss loss);
/// The crossentropy of a name, alias or class name; nothing if there is none.
std::optional<Loss> find_crossentropy(const std::string& name);

}  // namespace manul
