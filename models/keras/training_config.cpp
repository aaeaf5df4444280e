#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "manul/framework/config/not_supported.h"
#include "manul/framework/error.h"
#include "manul/framework/warning.h"
#include "manul/models/keras/metrics_config.h"
#include "manul/models/keras/optimizer_state.h"
#include "manul/models/keras/training.h"

namespace manul::keras {
namespace {

/// What the entry "loss" says: a name or a class, and its options.
struct LossEntry {
  std::string name;
  Config options;
};

/// A loss is a name or an object with options.
LossEntry loss_entry(const Config& config) {
  if (config.is_string()) return {config.as_string(), {}};
  if (const Config* options = config.find("config")) return {config.at("class_name").as_string(), *options};
  fail(ErrorKind::model_file, "training_config: the loss {} is not supported", config.text());
}

bool is_object(const Config& config) {
  return config.is_map() && config.find("class_name");
}

/// What a training_config says of each output: the same for all, a list in order, or a map by the outputs'
/// names. Null where it says nothing of an output.
std::vector<Config> of_each_output(const char* what, const Config* config,
                                   const std::vector<std::string>& outputs) {
  std::vector<Config> each(outputs.size());
  if (!config || config->is_null()) return each;
  if (config->is_list()) {
    if (config->as_list().size() != outputs.size())
      fail(ErrorKind::model_file, "training_config: {} has {} entries, the model {} outputs", what,
           config->as_list().size(), outputs.size());
    return config->as_list();
  }
  if (!config->is_map() || is_object(*config)) return std::vector<Config>(outputs.size(), *config);
  // A map of the only output may have any name.
  if (outputs.size() == 1 && config->as_map().size() == 1) return {config->as_map()[0].value};
  for (const Config::Entry& entry : config->as_map()) {
    auto output = std::find(outputs.begin(), outputs.end(), entry.key);
    if (output == outputs.end())
      fail(ErrorKind::model_file, "training_config: {} names {}, which is no output of the model", what,
           entry.key);
    each[static_cast<size_t>(output - outputs.begin())] = entry.value;
  }
  return each;
}

LossReduction read_reduction(const LossEntry& entry) {
  std::string reduction = entry.options.get("reduction", "auto");
  if (reduction == "sum") return LossReduction::sum;
  if (reduction != "auto" && reduction != "sum_over_batch_size")
    fail(ErrorKind::model_file, "training_config: the loss's reduction {} is not supported", reduction);
  return LossReduction::sum_over_batch_size;
}

/// Of one output; null: none.
OutputLoss read_loss(const Config& config) {
  if (config.is_null()) return nullptr;
  LossEntry entry = loss_entry(config);
  if (!find_loss(entry.name).values)
    fail(ErrorKind::model_file, "training_config: the loss {} is not supported{}", entry.name,
         why_not_supported("losses", entry.name));
  Options options;
  if (entry.options.is_map())
    for (const auto& [key, value] : entry.options.as_map())
      if (key != "name" && key != "reduction" && key != "fn" && key != "dtype")
        options.emplace_back(key, option_of(value));
  try {
    LossSpec loss = find_loss(entry.name, options);
    loss.reduction = read_reduction(entry);
    return loss;
  } catch (const Error& error) {
    fail(ErrorKind::model_file, "training_config: the loss {}: {}", entry.name, error.what());
  }
}

/// Keras 2 adds 1e-7 inside both logarithms of bare probabilities, besides clipping them.
void warn_of_epsilon(const Model& model, const Version& version) {
  for (size_t i = 0; i < model.objectives().size(); ++i) {
    const LossSpec& loss = model.objectives()[i].loss.spec();
    if (version.before(3, 0, 0) && loss.plain == Loss::binary_crossentropy && !loss.from_logits &&
        !model.leaves_out_activation(i))
      warn(
          "the binary crossentropy of the output {} is that of Keras 3; the Keras 2 that wrote the model "
          "file adds "
          "1e-7 inside its logarithms",
          model.objectives()[i].output);
  }
}

double read_loss_weight(const Config& weight) {
  if (weight.is_null()) return 1;
  if (!weight.is_int() && !weight.is_double())
    fail(ErrorKind::model_file, "training_config: the loss_weights {} are not supported", weight.text());
  return weight.as_double();
}

/// Metrics by output are a map, or a list of lists as long as there are outputs; other lists are of all.
std::vector<std::vector<Metric>> metrics_of_outputs(const Config* config,
                                                    const std::vector<std::string>& outputs) {
  bool by_output = config && ((config->is_map() && !is_object(*config)) ||
                              (config->is_list() && config->as_list().size() == outputs.size() &&
                               std::none_of(config->as_list().begin(), config->as_list().end(),
                                            [](const Config& c) { return c.is_string() || is_object(c); })));
  std::vector<Config> each = by_output ? of_each_output("metrics", config, outputs)
                                       : std::vector<Config>(outputs.size(), config ? *config : Config());
  std::vector<std::vector<Metric>> metrics;
  for (const Config& own : each) metrics.push_back(read_metrics(&own));
  return metrics;
}

/// The plain name where it says all: Keras 3 does not read the objects that tf.keras writes.
Config loss_config(const LossSpec& loss) {
  if (!loss.values) return {};
  LossSpec known = find_loss(loss.name);
  if (!known.values)
    fail(ErrorKind::failed, "save: a Keras file cannot hold the loss {}, which is not registered", loss.name);
  if (loss.options == known.options && loss.reduction == known.reduction) return loss.name;
  Config options =
      Config::map({{"reduction", loss.reduction == LossReduction::sum ? "sum" : "sum_over_batch_size"},
                   {"name", loss.name}});
  add_unusual_options(options, loss.options, known.options);
  return Config::object(loss.class_name, std::move(options));
}

/// Lists where there are several outputs.
struct ObjectivesConfig {
  Config losses, metrics, weighted_metrics, weights;
};
ObjectivesConfig objectives_config(const std::vector<Objective>& objectives) {
  Config::List losses, metrics, weighted_metrics, weights;
  bool weighted = false, has_weighted = false;
  for (const Objective& objective : objectives) {
    losses.push_back(loss_config(objective.loss.spec()));
    metrics.push_back(metrics_config(objective.metrics.metrics()));
    weighted_metrics.push_back(metrics_config(objective.metrics.weighted_metrics()));
    has_weighted = has_weighted || !objective.metrics.weighted_metrics().empty();
    weights.emplace_back(objective.weight);
    weighted = weighted || objective.weight != 1;
  }
  Config all_weights = weighted ? Config(std::move(weights)) : Config();
  bool one = objectives.size() == 1;
  Config all_weighted;  // null, as Keras writes none
  if (has_weighted) all_weighted = one ? weighted_metrics[0] : Config(std::move(weighted_metrics));
  if (one) return {losses[0], metrics[0], std::move(all_weighted), std::move(all_weights)};
  return {std::move(losses), std::move(metrics), std::move(all_weighted), std::move(all_weights)};
}

}  // namespace

bool Version::before(int other_major, int other_minor, int other_patch) const {
  return std::array{major, minor, patch} < std::array{other_major, other_minor, other_patch};
}

Version parse_version(const std::string& text) {
  std::array<int, 3> parts{};
  const char *at = text.data(), *end = at + text.size();
  for (int& part : parts) {
    auto [next, error] = std::from_chars(at, end, part);
    if (error != std::errc{} || next == end || *next != '.') break;
    at = next + 1;
  }
  return {parts[0], parts[1], parts[2]};
}

Config training_config(const Model& model) {
  const Config* kept = model.kept_training_config.find("metrics");
  const Config* kept_weighted = model.kept_training_config.find("weighted_metrics");
  ObjectivesConfig objectives = objectives_config(model.objectives());
  return Config::map(
      {{"loss", std::move(objectives.losses)},
       {"metrics", kept ? *kept : std::move(objectives.metrics)},
       {"weighted_metrics", kept_weighted ? *kept_weighted : std::move(objectives.weighted_metrics)},
       {"loss_weights", std::move(objectives.weights)},
       {"optimizer_config", optimizer_config(model)}});
}

void read_training(hdf5::Reader& file, const Config& config, const Version& version,
                   const std::vector<SavedLayer>& layers, Model& model) {
  std::vector<std::string> outputs = model.output_names();
  const Config* loss = config.find("loss");
  if (!loss) fail(ErrorKind::model_file, "training_config: it has no loss");
  std::vector<OutputLoss> losses;
  for (const Config& own : of_each_output("loss", loss, outputs)) losses.push_back(read_loss(own));
  CompileOptions options{
      .output_metrics = metrics_of_outputs(config.find("metrics"), outputs),
      .output_weighted_metrics = metrics_of_outputs(config.find("weighted_metrics"), outputs)};
  for (const Config& weight : of_each_output("loss_weights", config.find("loss_weights"), outputs))
    options.loss_weights.push_back(read_loss_weight(weight));
  const Config& optimizer = config.at("optimizer_config");
  model.compile(read_optimizer(optimizer, version), std::move(losses), {}, options);
  warn_of_epsilon(model, version);
  for (const char* key : {"metrics", "weighted_metrics"})
    if (const Config* kept = config.find(key); kept && !kept->is_null())
      model.kept_training_config.set(key, readable_metrics(*kept));
  if (!optimizer_tensors(file).empty()) read_optimizer_state(file, optimizer, version, layers, model);
}

}  // namespace manul::keras
