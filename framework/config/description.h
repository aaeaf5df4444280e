#pragma once

#include <functional>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "manul/framework/config/option_type.h"

namespace manul {

/// The names of an option: the one it is written under, then those that other versions of Keras have for it.
struct Keys {
  Keys(const char* key) : names{key} {}
  Keys(std::initializer_list<const char*> keys) : names(keys.begin(), keys.end()) {}
  std::vector<std::string_view> names;
};

/// Between which numbers an option lies.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool below_most = false;  // `most` itself is outside

  /// "at least 1", "from 0 to below 1"; empty without bounds.
  std::string text() const;
  bool contains(double value) const { return value >= least && (below_most ? value < most : value <= most); }
};
constexpr Range at_least(double least) {
  return {.least = least};
}
constexpr Range from_to(double least, double most) {
  return {.least = least, .most = most};
}
constexpr Range from_to_below(double least, double most) {
  return {.least = least, .most = most, .below_most = true};
}

/// Whether an option that is not of the struct is written although it has its default; not if only some
/// versions of Keras know it.
enum class Written { always, if_set };

/// One option, as describe() told it.
struct Option {
  enum class Kind {
    value,     // of the struct
    fixed,     // one value is supported
    kept,      // changes nothing here: written back as it was read
    training,  // changes training in a way that is not supported: written back, and training is refused
  };
  Kind kind;
  std::vector<std::string_view> keys;
  Written written = Written::always;
  Config standard = {};   // fixed, kept: the value where a file says nothing
  bool required = false;  // value: files must have it
  bool reads_null = false;
  std::string_view wanted = {};
  Range range = {};
  std::function<bool(const Config& config)> read = {};  // false: it is not of this kind
  std::function<Config()> write = {};
  std::function<std::vector<double>()> numbers = {};
};

/// What a struct of options tells about itself, once: describe(Description&) names every option with Keras'
/// key. Reading a config, writing it, checking what code has set and the table of the documentation all come
/// from this.
///
///     void Dropout::describe(Description& description) {
///       description.required({"rate", "p"}, rate, from_to_below(0, 1));
///       description.kept("seed");
///       description.for_training("noise_shape");
///     }
class Description {
 public:
  virtual ~Description() = default;

  /// A member of the struct; its value is the default where a file has none. null is read as absent, but as
  /// no value by a std::optional.
  template <class T>
  void option(const Keys& keys, T& value, const Range& range = {}) {
    visit(described(keys, value, range));
  }
  /// The same of one that only some versions of Keras know: written where it is not `standard`.
  template <class T>
  void newer_option(const Keys& keys, T& value, const T& standard) {
    Option option = described(keys, value, {});
    option.written = Written::if_set;
    option.standard = OptionType<T>::write(standard);
    visit(option);
  }
  /// The same where files must have it.
  template <class T>
  void required(const Keys& keys, T& value, const Range& range = {}) {
    Option option = described(keys, value, range);
    option.required = true;
    visit(option);
  }
  /// An option of Keras that has this value alone here; any other is refused.
  void fixed(const Keys& keys, const Config& value, Written written = Written::always);
  /// What changes nothing here (an initializer of a file that has the weights, a seed): written back.
  void kept(const Keys& keys, const Config& standard = {}, Written written = Written::always);
  /// What changes training (a regularizer) and is not supported: written back; training is refused.
  void for_training(const Keys& keys, Written written = Written::always);

 protected:
  virtual void visit(const Option& option) = 0;

 private:
  template <class T>
  static Option described(const Keys& keys, T& value, const Range& range) {
    using Type = OptionType<T>;
    Option option{.kind = Option::Kind::value, .keys = keys.names};
    option.reads_null = Type::read(Config()).has_value();
    option.wanted = Type::wanted;
    option.range = range;
    option.read = [&value](const Config& config) {
      std::optional<T> read = Type::read(config);
      if (read) value = *read;
      return read.has_value();
    };
    option.write = [&value] { return Type::write(value); };
    if constexpr (requires { Type::numbers(value); })
      option.numbers = [&value] { return Type::numbers(value); };
    return option;
  }
};

/// Sets the options that a config has. Messages name the option and both sides: ErrorKind::model_file.
class OptionReader : public Description {
 public:
  /// `common`: keys that somebody else reads.
  OptionReader(const Config& config, std::span<const std::string_view> common = {});
  /// After describe(): throws if the config has an option that nobody named and that says something.
  void finish() const;

  /// The options of these kinds that say something.
  Config kept = Config::map();
  Config untrained = Config::map();

 private:
  void visit(const Option& option) override;
  const Config& config_;
  std::vector<std::string_view> known_;
};

/// The config of a struct.
class OptionWriter : public Description {
 public:
  OptionWriter(Config& config, const Config& kept, const Config& untrained)
      : config_(config), kept_(kept), untrained_(untrained) {}

 private:
  void visit(const Option& option) override;
  Config& config_;
  const Config &kept_, &untrained_;
};

/// Throws ErrorKind::failed where an option that code has set is out of its range.
class OptionChecker : public Description {
 public:
  explicit OptionChecker(std::string_view subject) : subject_(subject) {}

 private:
  void visit(const Option& option) override;
  std::string_view subject_;
};

/// All that was told, for documentation and tests.
class OptionList : public Description {
 public:
  /// `default_value` is what write() gave when the option was told.
  struct Entry {
    Option option;
    Config default_value;
  };
  std::vector<Entry> entries;

 private:
  void visit(const Option& option) override;
};

/// Class and config of an object of Keras ({"module", "class_name", "config", ..}), without what only some
/// versions have around it; anything else as it is.
Config plain_object(const Config& object);

}  // namespace manul
