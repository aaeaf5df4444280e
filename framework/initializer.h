#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "manul/framework/shape.h"

namespace manul {

/// How the values of a new parameter are drawn: one of Keras' initializers by its name ("he_normal") or class
/// name ("HeNormal"), with its options under Keras' keys.
///
///     Initializer kernel = "he_normal";
///     Initializer bias = Initializer::constant(0.1);
///     Initializer wide = Initializer("random_normal").with("stddev", 0.2);
///
/// Zeros, Ones, Constant {value}, RandomUniform {minval, maxval}, RandomNormal and TruncatedNormal {mean,
/// stddev}, VarianceScaling {scale, mode, distribution} and its six famous cases (GlorotUniform,
/// GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal), Orthogonal {gain}, Identity {gain}.
class Initializer {
 public:
  /// Zeros.
  Initializer();
  /// Throws ErrorKind::failed naming the known ones if `name` is none of them.
  Initializer(std::string_view name);
  Initializer(const char* name) : Initializer(std::string_view(name)) {}

  static Initializer zeros() { return {}; }
  static Initializer ones() { return "ones"; }
  static Initializer constant(double value) { return Initializer("constant").with("value", value); }
  /// Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010), Keras' default for kernels.
  static Initializer glorot_uniform(int64_t fan_in, int64_t fan_out) {
    return Initializer("glorot_uniform").with_fans(fan_in, fan_out);
  }
  static bool is_known(std::string_view name);
  /// Keras' class names of all, for tests and documentation.
  static std::vector<std::string_view> class_names();

  std::string_view class_name() const;  // "GlorotUniform"
  std::string_view name() const;        // "glorot_uniform"

  /// The options with numbers in Keras' order: {{"mean", 0}, {"stddev", 0.05}}.
  const std::vector<std::pair<std::string_view, double>>& numbers() const { return numbers_; }
  /// Throws ErrorKind::failed if there is no such option.
  double number(std::string_view key) const;
  Initializer with(std::string_view key, double number) const;
  /// Of VarianceScaling: fan_in, fan_out or fan_avg; uniform, truncated_normal or untruncated_normal.
  const std::string& mode() const { return mode_; }
  const std::string& distribution() const { return distribution_; }
  Initializer with_variance(std::string mode, std::string distribution) const;
  /// True of VarianceScaling alone: mode and distribution are options.
  bool has_variance_options() const;
  /// Of the random ones: a stream of its own instead of the model's seed.
  const std::optional<int64_t>& seed() const { return seed_; }
  Initializer with_seed(std::optional<int64_t> seed) const;
  bool is_random() const;

  /// How many elements feed one output, and are fed by one input: given by the layer that knows its layout.
  Initializer with_fans(int64_t fan_in, int64_t fan_out) const;
  int64_t fan_in() const { return fan_in_; }
  int64_t fan_out() const { return fan_out_; }

  bool is_zeros() const;
  /// The values of a parameter, row-major: drawn by (seed, path) and nothing else. Orthogonal and Identity
  /// take the first axis against all others.
  std::vector<double> draw(const Shape& shape, uint64_t seed, const std::string& path) const;

  bool operator==(const Initializer& other) const = default;

 private:
  double fan() const;

  int entry_ = 0;  // of the table in initializer.cpp
  std::vector<std::pair<std::string_view, double>> numbers_;
  std::string mode_, distribution_;
  std::optional<int64_t> seed_;
  int64_t fan_in_ = 0, fan_out_ = 0;
};

}  // namespace manul
