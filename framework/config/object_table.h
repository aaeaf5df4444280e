#pragma once

#include <algorithm>
#include <cctype>
#include <functional>
#include <memory>
#include <string>
#include <typeinfo>
#include <vector>

#include "manul/framework/config/description.h"
#include "manul/framework/error.h"

namespace manul {

/// The name without case and underscores: "MaxNorm" and "max_norm" are the same class.
inline std::string plain_class_name(std::string_view name) {
  std::string plain;
  for (char letter : name)
    if (letter != '_') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return plain;
}

/// Classes of objects that files and code name, of one kind: optimizers, say. Each is a class derived from
/// Base and made from Keras' config.
template <class Base>
class ObjectTable {
 public:
  struct Class {
    std::string name;
    std::vector<std::string> aliases = {};
    std::function<std::unique_ptr<Base>(const Config& config)> make;
    std::function<Config(const Base& object)> config;
    std::function<void(Description& description)> describe;  // of an object with its defaults
    const std::type_info* type;
  };

  /// `kind` stands in messages: "optimizer".
  explicit ObjectTable(std::string kind) : kind_(std::move(kind)) {}

  /// A second time the same is nothing. Throws if another class has the name.
  void add(Class added) {
    for (const Class& known : classes_) {
      if (known.name == added.name && known.type == added.type) return;
      check(plain_class_name(known.name) != plain_class_name(added.name), "{}: two classes are called {}",
            kind_, added.name);
    }
    classes_.push_back(std::move(added));
  }
  const std::vector<Class>& classes() const { return classes_; }
  /// Null if there is none.
  const Class* find(const std::string& name) const {
    std::string wanted = plain_class_name(name);
    for (const Class& known : classes_)
      if (plain_class_name(known.name) == wanted ||
          std::any_of(known.aliases.begin(), known.aliases.end(),
                      [&](const std::string& alias) { return plain_class_name(alias) == wanted; }))
        return &known;
    return nullptr;
  }
  /// Of an object; null if its class is not known.
  const Class* find(const Base& object) const {
    for (const Class& known : classes_)
      if (*known.type == typeid(object)) return &known;
    return nullptr;
  }
  /// From a name, or from Keras' object {"class_name", "config"}. Throws ErrorKind::model_file.
  std::unique_ptr<Base> make(const Config& object) const {
    std::string name = object.is_string() ? object.as_string() : object.at("class_name").as_string();
    const Class* known = find(name);
    if (!known && name.starts_with("Custom>")) known = find(name.substr(7));
    if (!known) fail(ErrorKind::model_file, "the {} {} is not supported", kind_, name);
    const Config* options = object.find("config");
    try {
      return known->make(options && options->is_map() ? *options : Config::map());
    } catch (const Error& error) {
      fail(error.kind(), "the {} {}: {}", kind_, name, error.what());
    }
  }
  /// Keras' object. Throws if the class is not known.
  Config object_of(const Base& object) const {
    const Class* known = find(object);
    if (!known)
      fail(ErrorKind::failed, "save: a Keras file cannot hold the {} {}, which is not registered", kind_,
           object.class_name());
    return Config::object(known->name, known->config(object));
  }

 private:
  std::string kind_;
  std::vector<Class> classes_;
};

/// The options of a struct in a config; `common`: keys that somebody else reads.
template <class Options>
Options read_options(const Config& config, std::span<const std::string_view> common = {}) {
  Options options;
  OptionReader reader(config, common);
  options.describe(static_cast<Description&>(reader));
  reader.finish();
  return options;
}
template <class Options>
Config write_options(const Options& options, Config config = Config::map()) {
  Options copy = options;
  Config nothing = Config::map();
  OptionWriter writer(config, nothing, nothing);
  copy.describe(static_cast<Description&>(writer));
  return config;
}

/// Keras' object {"class_name", "config"} of a struct of options.
template <class Options>
Config object_of(const Options& options) {
  return Config::object(Options::class_name, write_options(options));
}

/// Enters Wrapper<Options>, an object of a struct of options, into a table of its base class, under its
/// class_name and Options::aliases if there are any; `common`: keys of its config that change nothing.
template <template <class> class Wrapper, class Options, class Base>
void register_object(ObjectTable<Base>& table, std::vector<std::string_view> common = {}) {
  std::vector<std::string> aliases;
  if constexpr (requires { Options::aliases; })
    aliases.assign(Options::aliases.begin(), Options::aliases.end());
  table.add({.name = Options::class_name,
             .aliases = std::move(aliases),
             .make =
                 [common = std::move(common)](const Config& config) {
                   return std::make_unique<Wrapper<Options>>(read_options<Options>(config, common));
                 },
             .config =
                 [](const Base& object) {
                   return write_options(dynamic_cast<const Wrapper<Options>&>(object).options());
                 },
             .describe = [](Description& description) { Options().describe(description); },
             .type = &typeid(Wrapper<Options>)});
}

}  // namespace manul
