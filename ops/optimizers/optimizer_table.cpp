#include "manul/ops/optimizers/optimizer_table.h"

#include <array>

#include "manul/framework/config/not_supported.h"
#include "manul/ops/optimizers/optimizers.h"

namespace manul {
namespace {

/// What a config of an optimizer may say that changes nothing here, and what read_common_options() reads.
constexpr std::array<std::string_view, 15> common_keys{"name",
                                                       "is_legacy_optimizer",
                                                       "jit_compile",
                                                       "loss_scale_factor",
                                                       "mesh",
                                                       "weight_decay",
                                                       "clipnorm",
                                                       "global_clipnorm",
                                                       "clipvalue",
                                                       "use_ema",
                                                       "ema_momentum",
                                                       "ema_overwrite_frequency",
                                                       "gradient_accumulation_steps",
                                                       "decay",
                                                       "schedule_decay"};

/// Null and 0 say nothing.
template <class T>
void set_if_positive(std::optional<T>& option, const Config& config, const char* key) {
  if (T value = config.get(key, T()); value != 0) option = value;
}

Config optional_config(const auto& option) {
  return option ? Config(*option) : Config();
}

}  // namespace

ObjectTable<Optimizer>& optimizer_table() {
  link_keras_optimizers();
  static ObjectTable<Optimizer> table("optimizer");
  return table;
}

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const Config& options) {
  std::string why = why_not_supported("optimizers", name);
  if (!optimizer_table().find(name) && !why.empty())
    fail(ErrorKind::model_file, "the optimizer {} is not supported{}", name, why);
  return optimizer_table().make(Config::object(name, options));
}

std::span<const std::string_view> common_optimizer_keys() {
  return common_keys;
}

OptimizerOptions read_common_options(const Config& config) {
  OptimizerOptions options;
  set_if_positive(options.weight_decay, config, "weight_decay");
  set_if_positive(options.clipnorm, config, "clipnorm");
  set_if_positive(options.global_clipnorm, config, "global_clipnorm");
  set_if_positive(options.clipvalue, config, "clipvalue");
  options.use_ema = config.get("use_ema", options.use_ema);
  options.ema_momentum = config.get("ema_momentum", options.ema_momentum);
  set_if_positive(options.ema_overwrite_frequency, config, "ema_overwrite_frequency");
  set_if_positive(options.gradient_accumulation_steps, config, "gradient_accumulation_steps");
  return options;
}

void write_common_options(const Optimizer& optimizer, Config& config) {
  const OptimizerOptions& options = optimizer.common();
  double decay = optimizer.weight_decay();
  config.set("weight_decay", decay == 0 ? Config() : Config(decay));
  config.set("clipnorm", optional_config(options.clipnorm));
  config.set("global_clipnorm", optional_config(options.global_clipnorm));
  config.set("clipvalue", optional_config(options.clipvalue));
  config.set("use_ema", options.use_ema);
  config.set("ema_momentum", options.ema_momentum);
  config.set("ema_overwrite_frequency", optional_config(options.ema_overwrite_frequency));
  if (options.gradient_accumulation_steps)  // Keras 2 does not know it
    config.set("gradient_accumulation_steps", *options.gradient_accumulation_steps);
}

}  // namespace manul
