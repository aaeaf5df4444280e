#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "manul/framework/error.h"
#include "manul/models/keras/optimizer_state.h"
#include "manul/models/keras/training.h"

namespace manul::keras {
namespace {

struct LossName {
  Loss loss;
  const char* name;
  const char* class_name;
};

constexpr std::array loss_names{
    LossName{Loss::binary_crossentropy, "binary_crossentropy", "BinaryCrossentropy"},
    LossName{Loss::categorical_crossentropy, "categorical_crossentropy", "CategoricalCrossentropy"},
    LossName{Loss::sparse_categorical_crossentropy, "sparse_categorical_crossentropy",
             "SparseCategoricalCrossentropy"},
};

const LossName& names_of(Loss loss) {
  return *std::find_if(loss_names.begin(), loss_names.end(),
                       [&](const LossName& n) { return n.loss == loss; });
}

Loss find_loss(const std::string& name) {
  for (const LossName& names : loss_names)
    if (name == names.name || name == names.class_name) return names.loss;
  if (name == "bce") return Loss::binary_crossentropy;
  fail(ErrorKind::model_file, "training_config: the loss {} is not supported", name);
}

/// What the entry "loss" says: a name or a class, and its options.
struct LossEntry {
  std::string name;
  Config options;
};

/// A loss is a name, an object with options, or (of functional models) a list or map of one.
LossEntry loss_entry(const Config& config) {
  if (config.is_string()) return {config.as_string(), {}};
  if (config.is_list() && config.as_list().size() == 1) return loss_entry(config.as_list()[0]);
  if (const Config* options = config.find("config")) return {config.at("class_name").as_string(), *options};
  if (config.is_map() && config.as_map().size() == 1) return loss_entry(config.as_map()[0].value);
  fail(ErrorKind::model_file, "training_config: the loss {} is not supported", config.text());
}

void check_reduction(const LossEntry& entry) {
  std::string reduction = entry.options.get("reduction", "auto");
  if (reduction != "auto" && reduction != "sum_over_batch_size")
    fail(ErrorKind::model_file, "training_config: the loss's reduction {} is not supported", reduction);
}

Loss read_loss(const LossEntry& entry, bool& from_logits) {
  Loss loss = find_loss(entry.name);
  from_logits = entry.options.get("from_logits", false);
  check_reduction(entry);
  if (entry.options.get("label_smoothing", 0.0) != 0 || entry.options.get("ignore_class", int64_t{-1}) != -1)
    fail(ErrorKind::model_file, "training_config: the loss's options {} are not supported",
         entry.options.text());
  return loss;
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

/// A loss of the table; without values if it is none of them.
LossSpec read_composed_loss(const LossEntry& entry) {
  LossSpec defaults = manul::find_loss(entry.name);
  if (!defaults.values) return {};
  LossSpec::Options given;
  for (const auto& [key, value] : defaults.options) given.emplace_back(key, entry.options.get(key, value));
  check_reduction(entry);
  return manul::find_loss(entry.name, given);
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

/// loss_weights of the only output: a number, or a list or map of one. Null: 1.
double read_loss_weight(const Config* weights) {
  if (!weights || weights->is_null()) return 1;
  bool one_in_list = weights->is_list() && weights->as_list().size() == 1;
  bool one_in_map = weights->is_map() && weights->as_map().size() == 1;
  if (one_in_list) return read_loss_weight(&weights->as_list()[0]);
  if (one_in_map) return read_loss_weight(&weights->as_map()[0].value);
  if (!weights->is_int() && !weights->is_double())
    fail(ErrorKind::model_file, "training_config: the loss_weights {} are not supported", weights->text());
  return weights->as_double();
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
Config loss_config(const Model& model) {
  if (const LossSpec& loss = model.composed_loss(); loss.values) {
    LossSpec known = manul::find_loss(loss.name);
    if (!known.values)
      fail(ErrorKind::failed, "save: a Keras file cannot hold the loss {}, which is not registered",
           loss.name);
    if (loss.options == known.options) return loss.name;
    Config options = Config::map({{"reduction", "sum_over_batch_size"}, {"name", loss.name}});
    for (const auto& [key, value] : loss.options) options.set(key, value);
    return Config::map({{"class_name", loss.class_name}, {"config", std::move(options)}});
  }
  const LossName& names = names_of(model.loss());
  if (!model.from_logits()) return names.name;
  return Config::map(
      {{"class_name", names.class_name},
       {"config",
        Config::map({{"reduction", "sum_over_batch_size"}, {"name", names.name}, {"from_logits", true}})}});
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
  Config::List metrics;
  for (Metric metric : model.metrics())
    if (metric == Metric::accuracy) metrics.emplace_back("accuracy");
  return Config::map(
      {{"loss", loss_config(model)},
       {"metrics", kept ? *kept : Config(std::move(metrics))},
       {"weighted_metrics", kept_weighted ? *kept_weighted : Config()},
       {"loss_weights", model.loss_weight() == 1 ? Config() : Config::List{model.loss_weight()}},
       {"optimizer_config", optimizer_config(model)}});
}

void read_training(hdf5::Reader& file, const Config& config, const Version& version,
                   const std::vector<SavedLayer>& layers, Model& model) {
  CompileOptions options;
  LossEntry entry = loss_entry(config.at("loss"));
  LossSpec composed = read_composed_loss(entry);
  Loss loss = composed.values ? Loss::binary_crossentropy : read_loss(entry, options.from_logits);
  options.loss_weight = read_loss_weight(config.find("loss_weights"));
  const Config* metrics = config.find("metrics");
  std::vector<Metric> known;
  if (metrics && has_accuracy(*metrics)) known.push_back(Metric::accuracy);
  const Config& optimizer = config.at("optimizer_config");
  if (composed.values)
    model.compile(read_optimizer(optimizer), composed, known, options);
  else
    model.compile(read_optimizer(optimizer), loss, known, options);
  for (const char* key : {"metrics", "weighted_metrics"})
    if (const Config* kept = config.find(key); kept && !kept->is_null())
      model.kept_training_config.set(key, readable_metrics(*kept));
  if (file.exists("optimizer_weights")) read_optimizer_state(file, optimizer, version, layers, model);
}

}  // namespace manul::keras
