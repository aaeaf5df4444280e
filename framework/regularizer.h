#pragma once

#include <string>

#include "manul/framework/tensor.h"

namespace manul {

/// What a weight adds to the loss while it is trained, as Keras' kernel_regularizer.
class Regularizer {
 public:
  virtual ~Regularizer() = default;
  /// Keras' class name: "L2".
  virtual std::string class_name() const = 0;
  /// One number, made of ops, so that a tape finds its gradient.
  virtual Tensor penalty(const Tensor& weight) const = 0;
};

/// What a weight must hold to: it is made so after every update, as Keras' kernel_constraint.
class Constraint {
 public:
  virtual ~Constraint() = default;
  /// Keras' class name: "MaxNorm".
  virtual std::string class_name() const = 0;
  /// Changes the weight where it does not hold.
  virtual void apply(const Tensor& weight) const = 0;
};

}  // namespace manul
