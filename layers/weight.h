#pragma once

#include <string>
#include <vector>

#include "manul/framework/parameter.h"

namespace manul {

/// A parameter of a layer as its struct holds it: undefined until the layer is built, or if it has none.
class Weight {
 public:
  operator const Tensor&() const { return value(); }
  /// In the dtype that the layer computes in (DTypePolicy).
  const Tensor& value() const;
  /// As it is trained and kept: of what is computed in f32 whatever the policy, a normalization, say.
  const Tensor& stored() const;
  const Parameter* parameter() const { return parameter_; }

 private:
  friend class Layer;
  Parameter* parameter_ = nullptr;
};

/// What build() declares its parameters with, in the order of Keras' files.
class Weights {
 public:
  /// `name` is Keras' ("kernel"): the path becomes "layer/name". Frozen if the layer is.
  void add(Weight& weight, std::string name, const Shape& shape, const Initializer& initializer) {
    declared_.push_back({&weight, std::move(name), shape, initializer});
  }
  /// The same for a convolution's kernel that lies with its filters first, [filters, kh, kw, channels]: in
  /// Keras' files they are the last axis.
  void add_kernel(Weight& weight, std::string name, const Shape& shape, const Initializer& initializer) {
    declared_.push_back({&weight, std::move(name), shape, initializer, false, true});
  }
  /// One that is kept and never trained (a moving mean).
  void add_statistic(Weight& weight, std::string name, const Shape& shape, const Initializer& initializer) {
    declared_.push_back({&weight, std::move(name), shape, initializer, true});
  }

 private:
  friend class Layer;
  struct Declared {
    Weight* weight;
    std::string name;
    Shape shape;
    Initializer initializer;
    bool is_statistic = false;
    bool filters_first = false;
  };
  std::vector<Declared> declared_;
};

}  // namespace manul
