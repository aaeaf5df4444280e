#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// How the values of a new parameter are drawn. Fans are those of the parameter's own layout, given by its
/// layer.
struct Initializer {
  enum class Kind { zeros, ones, glorot_uniform };
  Kind kind = Kind::zeros;
  int64_t fan_in = 0;
  int64_t fan_out = 0;

  static Initializer zeros() { return {}; }
  static Initializer ones() { return {Kind::ones}; }
  /// Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010), Keras' default for kernels.
  static Initializer glorot_uniform(int64_t fan_in, int64_t fan_out) {
    return {Kind::glorot_uniform, fan_in, fan_out};
  }
};

/// A named tensor that a model learns (trainable) or keeps (moving statistics).
struct Parameter {
  std::string
      path;  // "conv2d/kernel": unique within a model, the key of its random stream and of its file entry
  Shape shape;
  Initializer initializer;
  bool trainable = true;
  Tensor value;        // a range of ParameterSet::values() or, if not trainable, ::statistics()
  Tensor gradient;     // a range of ParameterSet::gradients(); undefined if not trainable
  int64_t offset = 0;  // of value, in elements of its flat buffer
};

/// All parameters of a model, in one flat buffer per role: an update is one pass over values and gradients.
class ParameterSet {
 public:
  ParameterSet() = default;
  ParameterSet(const ParameterSet&) = delete;
  ParameterSet& operator=(const ParameterSet&) = delete;

  /// Declares a parameter; the reference stays valid. Throws if the path is taken or memory is already there.
  Parameter& add(std::string path, const Shape& shape, const Initializer& initializer, bool trainable = true);

  /// Gives all parameters memory and their initial values, drawn by (seed, path): the same whatever the order
  /// of declaration. With gradients, each trainable value becomes a watched tensor (see framework/tape.h);
  /// without (for prediction) no gradient memory is made.
  void allocate(uint64_t seed, DType dtype = DType::f32, Device device = {}, bool with_gradients = true);
  bool allocated() const { return allocated_; }

  std::deque<Parameter>& all() { return parameters_; }
  const std::deque<Parameter>& all() const { return parameters_; }
  /// Throws ErrorKind::failed naming the path if there is no such parameter.
  Parameter& at(std::string_view path);

  /// Flat [n] tensors: trainable values, their gradients, and the values that are not trained. Every
  /// parameter begins at a multiple of 16 elements; the gap in between is zero and stays zero.
  const Tensor& values() const { return values_; }
  const Tensor& gradients() const { return gradients_; }
  const Tensor& statistics() const { return statistics_; }

  /// Number of trainable elements, without gaps; and of the others.
  int64_t trainable_count() const;
  int64_t statistics_count() const;

  /// Zeroes the gradients that no backward() has written (or handed to a taker) since the last call, and
  /// marks all as used: the next backward() overwrites. An optimizer calls this before it reads the
  /// gradients.
  void take_gradients();

 private:
  std::deque<Parameter> parameters_;
  bool allocated_ = false;
  Tensor values_, gradients_, statistics_;
};

}  // namespace manul
