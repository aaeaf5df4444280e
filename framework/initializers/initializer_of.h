#pragma once

#include <optional>

#include "manul/framework/config/object_table.h"
#include "manul/framework/initializers/drawing.h"
#include "manul/framework/initializers/initializer.h"

namespace manul {

/// How values are drawn, whatever its class.
class InitializerRule {
 public:
  virtual ~InitializerRule() = default;
  virtual std::string class_name() const = 0;
  virtual Config object() const = 0;
  virtual std::vector<double> draw(Drawing& drawing) const = 0;
  /// Of the random ones: a stream of its own instead of the model's seed.
  virtual std::optional<int64_t> seed() const { return std::nullopt; }
};

/// The rule of a struct of options: its class_name, describe(description), and
/// `std::vector<double> operator()(Drawing& drawing) const`. A member `std::optional<int64_t> seed`, if there
/// is one, is heeded.
template <class Options>
class InitializerOf final : public InitializerRule {
 public:
  explicit InitializerOf(const Options& options) : options_(options) {}
  const Options& options() const { return options_; }
  std::string class_name() const override { return Options::class_name; }
  Config object() const override { return object_of(options_); }
  std::vector<double> draw(Drawing& drawing) const override { return options_(drawing); }
  std::optional<int64_t> seed() const override {
    if constexpr (requires { options_.seed; }) return options_.seed;
    return std::nullopt;
  }

 private:
  Options options_;
};

template <class Options>
requires requires {
  Options::class_name;
}
Initializer::Initializer(const Options& options) {
  Options copy = options;
  OptionChecker checker(Options::class_name);
  copy.describe(static_cast<Description&>(checker));
  rule_ = std::make_shared<InitializerOf<Options>>(options);
}

/// All initializers that files and names know.
ObjectTable<InitializerRule>& initializer_table();

/// Makes a struct known: one object in its header, inline const.
template <class Options>
struct InitializerRegistration {
  InitializerRegistration() { register_object<InitializerOf, Options>(initializer_table()); }
};

}  // namespace manul
