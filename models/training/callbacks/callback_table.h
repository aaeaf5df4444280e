#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "manul/framework/options.h"
#include "manul/models/training/fit.h"

namespace manul {

/// A kind of callback: Keras' name, its options with their defaults, and how to make one.
struct CallbackEntry {
  std::string name;
  Options options = {};
  /// Empty: it takes functions, which only code can give.
  std::function<std::unique_ptr<Callback>(const Options& options)> make = {};
};

/// Adds a kind to the table, from which names are looked up and the documentation is made. A file of its own
/// under models/training/callbacks/ ends with this; a user's repository calls it the same way.
bool register_callback(CallbackEntry entry);
/// One that takes functions.
bool register_callback(const char* name);
/// `Options` is the struct that a Kind is made from; it tells its options by describe().
template <class Kind, class KindOptions>
bool register_callback(const std::string& name) {
  return register_callback({name, options_of(KindOptions{}), [](const Options& options) {
                              return std::make_unique<Kind>(with_options<KindOptions>(options));
                            }});
}

/// All callbacks of the table, by name.
const std::vector<CallbackEntry>& registered_callbacks();
/// A callback by its name, with these options; those not named keep their defaults. Throws ErrorKind::usage
/// where there is none, where it takes functions, or where it has no such option.
std::unique_ptr<Callback> make_callback(const std::string& name, const Options& options = {});

}  // namespace manul
