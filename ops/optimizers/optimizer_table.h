#pragma once

#include <concepts>
#include <type_traits>

#include "manul/framework/config/object_table.h"
#include "manul/ops/optimizers/optimizer_of.h"
#include "manul/ops/schedules/schedule_table.h"

namespace manul {

/// All optimizers that files and make_optimizer() know.
ObjectTable<Optimizer>& optimizer_table();

/// An optimizer by Keras' name ("adam", "SGD") with the options of a config, those of OptimizerOptions among
/// them. Throws ErrorKind::model_file.
std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const Config& options = Config::map());

/// Keras' keys of OptimizerOptions.
OptimizerOptions read_common_options(const Config& config);
void write_common_options(const Optimizer& optimizer, Config& config);
/// Keys of an optimizer's config that its describe() does not tell.
std::span<const std::string_view> common_optimizer_keys();

/// What is registered is a struct of options, whose optimizer is OptimizerOf or the class that it names as
/// Optimizer, or a class derived from Optimizer, whose options are what its options() gives.
template <class Registered>
struct OptimizerParts {
  using Options = Registered;
  using Class = OptimizerOf<Options>;
};
template <class Registered>
requires(!std::derived_from<Registered, Optimizer>) && requires {
  typename Registered::Optimizer;
}
struct OptimizerParts<Registered> {
  using Options = Registered;
  using Class = typename Options::Optimizer;
};
template <std::derived_from<Optimizer> Registered>
struct OptimizerParts<Registered> {
  using Options = std::decay_t<decltype(std::declval<const Registered&>().options())>;
  using Class = Registered;
};

/// Enters an optimizer under what its class_name() says.
template <class Registered>
void register_optimizer() {
  using Options = typename OptimizerParts<Registered>::Options;
  using Class = typename OptimizerParts<Registered>::Class;
  optimizer_table().add({.name = Class().class_name(),
                         .make =
                             [](const Config& config) {
                               auto options = read_options<Options>(config, common_optimizer_keys());
                               if constexpr (requires { options.is_legacy; })
                                 options.is_legacy = config.get("is_legacy_optimizer", false);
                               return std::make_unique<Class>(options, read_common_options(config));
                             },
                         .config =
                             [](const Optimizer& optimizer) {
                               const Options& options = dynamic_cast<const Class&>(optimizer).options();
                               Config config = Config::map({{"name", optimizer.class_name()}});
                               write_common_options(optimizer, config);
                               if constexpr (requires { options.is_legacy; })
                                 if (options.is_legacy) config.set("is_legacy_optimizer", true);
                               return write_options(options, std::move(config));
                             },
                         .describe = [](Description& description) { Options().describe(description); },
                         .type = &typeid(Class)});
}

}  // namespace manul
