#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "manul/framework/error.h"
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

void check_reduction(const LossEntry& entry) {
  std::string reduction = entry.options.get("reduction", "auto");
  if (reduction != "auto" && reduction != "sum_over_batch_size")
    fail(ErrorKind::model_file, "training_config: the loss's reduction {} is not supported", reduction);
}

OutputLoss read_crossentropy(Loss loss, const LossEntry& entry) {
  check_reduction(entry);
  if (entry.options.get("label_smoothing", 0.0) != 0 || entry.options.get("ignore_class", int64_t{-1}) != -1)
    fail(ErrorKind::model_file, "training_config: the loss's options {} are not supported",
         entry.options.text());
  OutputLoss read = loss;
  read.from_logits = entry.options.get("from_logits", false);
  return read;
}

bool is_accuracy(const std::string& name) {
  constexpr std::array names{"acc",
                             "accuracy",
                             "binary_accuracy",
                             "categorical_accuracy",
                             "sparse_categorical_accuracy",
                             "BinaryAccuracy",
                             "CategoricalAccuracy",
                             "SparseCategoricalAccuracy"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Of one output: a crossentropy, a loss of the table, or none.
OutputLoss read_loss(const Config& config) {
  if (config.is_null()) return nullptr;
  LossEntry entry = loss_entry(config);
  if (std::optional<Loss> crossentropy = find_crossentropy(entry.name))
    return read_crossentropy(*crossentropy, entry);
  LossSpec defaults = find_loss(entry.name);
  if (!defaults.values)
    fail(ErrorKind::model_file, "training_config: the loss {} is not supported", entry.name);
  LossSpec::Options given;
  for (const auto& [key, value] : defaults.options) given.emplace_back(key, entry.options.get(key, value));
  check_reduction(entry);
  return find_loss(entry.name, given);
}

/// Whether "accuracy" is among the metrics, as a name or an object, however deep they are nested. Others are
/// not computed here.
bool has_accuracy(const Config& metrics) {
  if (metrics.is_string()) return is_accuracy(metrics.as_string());
  if (metrics.is_list()) return std::any_of(metrics.as_list().begin(), metrics.as_list().end(), has_accuracy);
  if (const Config* options = metrics.find("config"))
    return (is_accuracy(metrics.get("class_name", "")) || is_accuracy(options->get("fn", ""))) &&
           options->get("threshold", 0.5) == 0.5;
  return metrics.is_map() &&
         std::any_of(metrics.as_map().begin(), metrics.as_map().end(),
                     [](const Config::Entry& entry) { return has_accuracy(entry.value); });
}

/// The metrics of a file as every Keras reads them: Keras 3 fails on the object that tf.keras 2 writes for
/// "accuracy".
Config readable_metrics(const Config& metrics) {
  if (metrics.get("class_name", "") == "MeanMetricWrapper" && has_accuracy(metrics) &&
      metrics.at("config").get("name", "") == "accuracy")
    return "accuracy";
  if (!metrics.is_list()) return metrics;
  Config::List readable;
  for (const Config& metric : metrics.as_list()) readable.push_back(readable_metrics(metric));
  return readable;
}

double read_loss_weight(const Config& weight) {
  if (weight.is_null()) return 1;
  if (!weight.is_int() && !weight.is_double())
    fail(ErrorKind::model_file, "training_config: the loss_weights {} are not supported", weight.text());
  return weight.as_double();
}

/// Metrics by output are a map, or a list of lists as long as there are outputs; other lists are of all.
std::vector<std::vector<Metric>> read_metrics(const Config* config, const std::vector<std::string>& outputs) {
  bool by_output = config && ((config->is_map() && !is_object(*config)) ||
                              (config->is_list() && config->as_list().size() == outputs.size() &&
                               std::none_of(config->as_list().begin(), config->as_list().end(),
                                            [](const Config& c) { return c.is_string() || is_object(c); })));
  std::vector<Config> each = by_output ? of_each_output("metrics", config, outputs)
                                       : std::vector<Config>(outputs.size(), config ? *config : Config());
  std::vector<std::vector<Metric>> metrics;
  for (const Config& own : each)
    metrics.push_back(has_accuracy(own) ? std::vector{Metric::accuracy} : std::vector<Metric>());
  return metrics;
}

/// Refuses options of an optimizer that would change the training and are unknown here.
void refuse_unknown_options(const std::string& name, const Config& options) {
  struct Neutral {
    const char* key;
    Config value;
  };
  const std::array neutral{Neutral{"amsgrad", false},       Neutral{"decay", 0.0},
                           Neutral{"weight_decay", 0.0},    Neutral{"clipnorm", 0.0},
                           Neutral{"global_clipnorm", 0.0}, Neutral{"clipvalue", 0.0},
                           Neutral{"use_ema", false},       Neutral{"gradient_accumulation_steps", 0.0}};
  for (const auto& [key, value] : neutral) {
    const Config* found = options.find(key);
    if (!found || found->is_null()) continue;
    bool is_neutral = value.is_bool()    ? !found->as_bool()
                      : found->is_bool() ? !found->as_bool()
                                         : found->as_double() == 0;
    if (!is_neutral)
      fail(ErrorKind::model_file, "training_config: {}'s option {} = {} is not supported", name, key,
           found->text());
  }
  const Config* rate = options.find("learning_rate");
  if (rate && rate->is_map())
    fail(ErrorKind::model_file, "training_config: {}'s learning rate schedule is not supported", name);
}

std::unique_ptr<Optimizer> read_optimizer(const Config& config) {
  std::string name = config.at("class_name").as_string();
  if (name.starts_with("Custom>")) name = name.substr(7);
  const Config& options = config.at("config");
  if (name != "Adam" && name != "SGD")
    fail(ErrorKind::model_file, "training_config: the optimizer {} is not supported, only Adam and SGD",
         name);
  refuse_unknown_options(name, options);
  double learning_rate = options.get("learning_rate", options.get("lr", name == "Adam" ? 0.001 : 0.01));
  if (name == "SGD")
    return std::make_unique<SGD>(SGDOptions{.learning_rate = learning_rate,
                                            .momentum = options.get("momentum", 0.0),
                                            .nesterov = options.get("nesterov", false)});
  return std::make_unique<Adam>(AdamOptions{.learning_rate = learning_rate,
                                            .beta_1 = options.get("beta_1", 0.9),
                                            .beta_2 = options.get("beta_2", 0.999),
                                            .epsilon = options.get("epsilon", 1e-7)});
}

Config optimizer_config(const Model& model) {
  Config options = Config::map({{"name", model.optimizer().class_name()},
                                {"learning_rate", model.state().read().learning_rate},
                                {"decay", 0.0}});
  if (const auto* adam = dynamic_cast<const Adam*>(&model.optimizer())) {
    options.set("beta_1", adam->options().beta_1);
    options.set("beta_2", adam->options().beta_2);
    options.set("epsilon", adam->options().epsilon);
    options.set("amsgrad", false);
  } else if (const auto* sgd = dynamic_cast<const SGD*>(&model.optimizer())) {
    options.set("momentum", sgd->options().momentum);
    options.set("nesterov", sgd->options().nesterov);
  } else {
    fail(ErrorKind::failed, "save: a Keras file cannot hold the optimizer {}",
         model.optimizer().class_name());
  }
  return Config::map({{"class_name", model.optimizer().class_name()}, {"config", std::move(options)}});
}

/// The plain name where it says all: Keras 3 does not read the objects that tf.keras writes.
Config loss_config(const OutputLoss& loss) {
  if (loss.is_none()) return {};
  if (!loss.crossentropy()) {
    const LossSpec& composed = loss.composed();
    LossSpec known = find_loss(composed.name);
    if (!known.values)
      fail(ErrorKind::failed, "save: a Keras file cannot hold the loss {}, which is not registered",
           composed.name);
    if (composed.options == known.options) return composed.name;
    Config options = Config::map({{"reduction", "sum_over_batch_size"}, {"name", composed.name}});
    for (const auto& [key, value] : composed.options) options.set(key, value);
    return Config::map({{"class_name", composed.class_name}, {"config", std::move(options)}});
  }
  const CrossentropyName& names = names_of(*loss.crossentropy());
  if (!loss.from_logits) return names.name;
  return Config::map(
      {{"class_name", names.class_name},
       {"config",
        Config::map({{"reduction", "sum_over_batch_size"}, {"name", names.name}, {"from_logits", true}})}});
}

Config metrics_config(const std::vector<Metric>& metrics) {
  Config::List list;
  for (Metric metric : metrics)
    if (metric == Metric::accuracy) list.emplace_back("accuracy");
  return list;
}

/// Lists where there are several outputs.
struct ObjectivesConfig {
  Config losses, metrics, weights;
};
ObjectivesConfig objectives_config(const std::vector<Objective>& objectives) {
  Config::List losses, metrics, weights;
  bool weighted = false;
  for (const Objective& objective : objectives) {
    losses.push_back(loss_config(objective.loss));
    metrics.push_back(metrics_config(objective.metrics));
    weights.emplace_back(objective.weight);
    weighted = weighted || objective.weight != 1;
  }
  Config all_weights = weighted ? Config(std::move(weights)) : Config();
  if (objectives.size() == 1) return {losses[0], metrics[0], std::move(all_weights)};
  return {std::move(losses), std::move(metrics), std::move(all_weights)};
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
  return Config::map({{"loss", std::move(objectives.losses)},
                      {"metrics", kept ? *kept : std::move(objectives.metrics)},
                      {"weighted_metrics", kept_weighted ? *kept_weighted : Config()},
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
  CompileOptions options{.output_metrics = read_metrics(config.find("metrics"), outputs)};
  for (const Config& weight : of_each_output("loss_weights", config.find("loss_weights"), outputs))
    options.loss_weights.push_back(read_loss_weight(weight));
  const Config& optimizer = config.at("optimizer_config");
  model.compile(read_optimizer(optimizer), std::move(losses), {}, options);
  for (const char* key : {"metrics", "weighted_metrics"})
    if (const Config* kept = config.find(key); kept && !kept->is_null())
      model.kept_training_config.set(key, readable_metrics(*kept));
  if (!optimizer_tensors(file).empty()) read_optimizer_state(file, optimizer, version, layers, model);
}

}  // namespace manul::keras
