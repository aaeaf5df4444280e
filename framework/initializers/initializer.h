#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "manul/framework/shape.h"

namespace manul {

class Config;
class InitializerRule;

/// How the values of a new parameter are drawn: a struct of framework/initializers/kinds or of one's own
/// (see InitializerOf), or the name of one in any of Keras' spellings.
///
///     Initializer kernel = "he_normal";
///     Initializer bias = Constant{.value = 0.1};
class Initializer {
 public:
  /// Zeros.
  Initializer();
  /// Throws ErrorKind::failed naming the known ones if `name` is none of them.
  Initializer(std::string_view name);
  Initializer(const char* name) : Initializer(std::string_view(name)) {}
  /// Throws where an option is out of its range.
  template <class Options>
  requires requires { Options::class_name; }
  Initializer(const Options& options);
  /// Of Keras' object or name. One that is not known, or has options that are not, throws when it is to
  /// draw: a model whose weights are in a file never does.
  static Initializer of(const Config& object);

  static Initializer zeros() { return {}; }
  static Initializer ones();
  /// Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010), Keras' default for kernels.
  static Initializer glorot_uniform(int64_t fan_in, int64_t fan_out);
  static bool is_known(std::string_view name);

  /// Keras': "HeNormal".
  std::string class_name() const;
  /// Keras' object {"class_name", "config"}.
  Config object() const;

  /// How many elements feed one output, and are fed by one input: given by the layer that knows its layout.
  /// Without, they are what Keras takes of the shape: {in, out}, or {.., in, out} with a window before.
  Initializer with_fans(int64_t fan_in, int64_t fan_out) const;
  int64_t fan_in() const { return fan_in_; }
  int64_t fan_out() const { return fan_out_; }

  bool is_zeros() const;
  /// The values of a parameter, row-major: drawn by (seed, path) and nothing else.
  std::vector<double> draw(const Shape& shape, uint64_t seed, const std::string& path) const;

 private:
  explicit Initializer(std::shared_ptr<const InitializerRule> rule) : rule_(std::move(rule)) {}

  std::shared_ptr<const InitializerRule> rule_;
  int64_t fan_in_ = 0, fan_out_ = 0;
};

}  // namespace manul
