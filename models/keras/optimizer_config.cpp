#include <algorithm>
#include <cmath>

#include "manul/framework/error.h"
#include "manul/models/keras/optimizer_state.h"
#include "manul/ops/optimizers/optimizer_table.h"
#include "manul/ops/optimizers/optimizers.h"
#include "manul/ops/schedules/schedules.h"

namespace manul::keras {
namespace {

/// `decay` of the optimizers before tf.keras 2.11 is a schedule of later ones.
void decay_to_schedule(Config& options) {
  double decay = options.get("decay", 0.0);
  if (decay == 0) return;
  const Config* rate = options.find("learning_rate");
  if (!rate) rate = options.find("lr");
  if (rate && rate->is_map())
    fail(ErrorKind::model_file, "training_config: an optimizer has a schedule and a decay");
  double initial = rate ? rate->as_double() : 0.001;
  options.set("learning_rate",
              Config::object("InverseTimeDecay", Config::map({{"initial_learning_rate", initial},
                                                              {"decay_steps", int64_t{1}},
                                                              {"decay_rate", decay}})));
}

/// Whether tf.keras up to 2.10 can say all of it.
bool is_plain(const Optimizer& optimizer) {
  const OptimizerOptions& common = optimizer.common();
  return optimizer.weight_decay() == 0 && !common.use_ema && !common.gradient_accumulation_steps;
}

/// Whether the file has the layout of tf.keras up to 2.10.
bool is_legacy(const Optimizer& optimizer) {
  if (!is_plain(optimizer)) return false;
  if (const auto* rmsprop = dynamic_cast<const RMSprop*>(&optimizer)) return rmsprop->options().is_legacy;
  if (const auto* adagrad = dynamic_cast<const Adagrad*>(&optimizer)) return adagrad->options().is_legacy;
  return optimizer.class_name() == "Adam" || optimizer.class_name() == "SGD";
}

/// The options, without those that say nothing, in the order of tf.keras up to 2.10.
Config legacy_options(const Config& options) {
  Config legacy = Config::map(
      {{"name", options.at("name")}, {"learning_rate", options.at("learning_rate")}, {"decay", 0.0}});
  for (const Config::Entry& entry : options.as_map()) {
    constexpr std::array unknown{"weight_decay", "use_ema", "ema_momentum", "ema_overwrite_frequency",
                                 "is_legacy_optimizer"};
    bool is_unknown = std::find(unknown.begin(), unknown.end(), entry.key) != unknown.end();
    if (!is_unknown && !entry.value.is_null()) legacy.set(entry.key, entry.value);
  }
  return legacy;
}

}  // namespace

bool is_interleaved(const Config& config, const Version& version) {
  return version.major >= 3 || config.at("class_name").as_string().starts_with("Custom>") ||
         !config.at("config").get("is_legacy_optimizer", true);
}

std::unique_ptr<Optimizer> read_optimizer(const Config& config, const Version& version) {
  const std::string& name = config.at("class_name").as_string();
  Config options = config.at("config");
  bool is_old = !is_interleaved(config, version);
  if (is_old && plain_class_name(name) == "nadam")
    fail(ErrorKind::model_file,
         "training_config: the Nadam of Keras before 2.11, which has another momentum, is not supported");
  options.set("is_legacy_optimizer", is_old);
  if (is_old) decay_to_schedule(options);
  try {
    return make_optimizer(name, options);
  } catch (const Error& error) {
    fail(ErrorKind::model_file, "training_config: {}", error.what());
  }
}

void check_keras3_holds(const Optimizer& optimizer) {
  bool other = is_legacy(optimizer) && optimizer.class_name() != "Adam" && optimizer.class_name() != "SGD";
  if (other)
    fail(ErrorKind::failed,
         "save: a .keras file cannot hold the {} of Keras before 2.11, which is computed otherwise: save as "
         ".h5",
         optimizer.class_name());
}

Config optimizer_config(const Model& model) {
  const Optimizer& optimizer = model.optimizer();
  Config object = optimizer_table().object_of(optimizer);
  Config options = object.at("config");
  double rate = model.state().read().learning_rate;
  if (!optimizer.learning_rate().schedule() && !std::isnan(rate)) options.set("learning_rate", rate);
  std::string name = object.at("class_name").as_string();
  if (is_legacy(optimizer)) return Config::object(name, legacy_options(options));
  options.set("jit_compile", false);
  options.set("is_legacy_optimizer", false);
  bool is_own = name.find('>') != std::string::npos;
  return Config::object(is_own ? name : "Custom>" + name, std::move(options));
}

}  // namespace manul::keras
