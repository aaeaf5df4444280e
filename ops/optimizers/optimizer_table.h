#pragma once

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

/// The optimizer of a struct of options: OptimizerOf, or the class that it names as Options::Optimizer.
template <class Options>
struct OptimizerClass {
  using Type = OptimizerOf<Options>;
};
template <class Options>
requires requires {
  typename Options::Optimizer;
}
struct OptimizerClass<Options> {
  using Type = typename Options::Optimizer;
};

/// Enters the optimizer of a struct of options.
template <class Options>
void register_optimizer() {
  optimizer_table().add({.name = Options::class_name,
                         .make =
                             [](const Config& config) {
                               auto options = read_options<Options>(config, common_optimizer_keys());
                               if constexpr (requires { options.is_legacy; })
                                 options.is_legacy = config.get("is_legacy_optimizer", false);
                               return std::make_unique<typename OptimizerClass<Options>::Type>(
                                   options, read_common_options(config));
                             },
                         .config =
                             [](const Optimizer& optimizer) {
                               const Options& options =
                                   dynamic_cast<const OptimizerOf<Options>&>(optimizer).options();
                               Config config = Config::map({{"name", Options::class_name}});
                               write_common_options(optimizer, config);
                               if constexpr (requires { options.is_legacy; })
                                 if (options.is_legacy) config.set("is_legacy_optimizer", true);
                               return write_options(options, std::move(config));
                             },
                         .describe = [](Description& description) { Options().describe(description); },
                         .type = &typeid(typename OptimizerClass<Options>::Type)});
}

}  // namespace manul
