#include "manul/models/keras/metrics_config.h"

#include <algorithm>
#include <cmath>

#include "manul/framework/config/not_supported.h"
#include "manul/framework/error.h"
#include "manul/framework/warning.h"

namespace manul::keras {
namespace {

/// An object's options, without what every metric has.
Options options_in(const Config& config) {
  Options options;
  if (!config.is_map()) return options;
  for (const auto& [key, value] : config.as_map())
    if (key != "name" && key != "dtype" && key != "fn") options.emplace_back(key, option_of(value));
  return options;
}

/// "Custom>MeanBias", "keras.metrics>F1Score".
std::string without_package(const std::string& name) {
  return name.substr(name.find('>') == std::string::npos ? 0 : name.find('>') + 1);
}

void keep_unread(const std::string& name, const std::string& why) {
  warn("the metric {} of the model file is not computed here ({}); saving the model keeps it", name, why);
}

/// {"class_name", "config"}: a class of Keras, or a function in a MeanMetricWrapper.
void read_object(const Config& object, std::vector<Metric>& metrics) {
  const Config& config = object.at("config");
  std::string class_name = without_package(object.get("class_name", ""));
  const Config* function = config.find("fn");
  bool wrapped = function && function->is_string();
  std::string called = wrapped ? function->as_string() : class_name;
  std::optional<MetricSpec> found;
  try {
    found = find_metric(called, options_in(config));
  } catch (const Error& error) {
    return keep_unread(called, error.what());
  }
  if (!found) return keep_unread(called, "it is not known" + why_not_supported("metrics", called));
  metrics.push_back(Metric(*found).named(config.get("name", found->name.c_str())));
}

void read_into(const Config& config, std::vector<Metric>& metrics) {
  if (config.is_string()) {
    std::optional<MetricSpec> found = find_metric(config.as_string());
    if (!found) return keep_unread(config.as_string(), "it is not known");
    metrics.emplace_back(*found);
  } else if (config.is_list()) {
    for (const Config& entry : config.as_list()) read_into(entry, metrics);
  } else if (config.find("class_name") && config.find("config")) {
    read_object(config, metrics);
  } else if (config.is_map()) {  // by output
    for (const auto& [output, entry] : config.as_map()) read_into(entry, metrics);
  }
}

}  // namespace

OptionValue option_of(const Config& object) {
  // Keras 3 has arrays as objects: {"class_name": "__tensor__", "config": {"value": [..], "dtype": ..}}.
  std::string class_name = object.is_map() ? object.get("class_name", "") : "";
  bool is_array = class_name == "__tensor__" || class_name == "__numpy__";
  const Config& config = is_array ? object.at("config").at("value") : object;
  if (config.is_bool()) return config.as_bool();
  if (config.is_int()) return config.as_int();
  if (config.is_double()) return config.as_double();
  if (config.is_string()) return config.as_string();
  if (config.is_null()) return {};
  bool numbers = config.is_list() &&
                 std::all_of(config.as_list().begin(), config.as_list().end(),
                             [](const Config& entry) { return entry.is_int() || entry.is_double(); });
  if (!numbers) return config.text();
  std::vector<double> list;
  for (const Config& number : config.as_list()) list.push_back(number.as_double());
  return list;
}

Config config_of(const OptionValue& value) {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth;
  if (const int64_t* number = std::get_if<int64_t>(&value)) return *number;
  if (const double* number = std::get_if<double>(&value)) return *number;
  if (const std::string* word = std::get_if<std::string>(&value)) return *word;
  const auto* numbers = std::get_if<std::vector<double>>(&value);
  if (!numbers) return {};
  Config::List list;
  for (double number : *numbers) {  // axes and classes are whole numbers in Keras
    bool is_whole = number == std::floor(number) && std::abs(number) < 9e15;
    if (is_whole)
      list.push_back(static_cast<int64_t>(number));
    else
      list.push_back(number);
  }
  return list;
}

void add_unusual_options(Config& config, const Options& options, const Options& standard) {
  for (const auto& [key, value] : options) {
    const OptionValue* usual = find_option(standard, key);
    if (!usual || !(*usual == value) || std::holds_alternative<double>(value))
      config.set(key, config_of(value));
  }
}

std::vector<Metric> read_metrics(const Config* metrics) {
  std::vector<Metric> read;
  if (metrics) read_into(*metrics, read);
  return read;
}

Config metrics_config(const std::vector<Metric>& metrics) {
  Config::List list;
  for (const Metric& metric : metrics) {
    const MetricSpec& spec = metric.spec();
    std::optional<MetricSpec> plain = find_metric(spec.name), known = find_metric(spec.class_name);
    if (plain && plain->class_name == spec.class_name && plain->options == spec.options) {
      list.emplace_back(spec.name);
    } else if (known && !spec.class_name.empty()) {
      Config options = Config::map({{"name", spec.name}, {"dtype", "float32"}});
      add_unusual_options(options, spec.options, known->options);
      list.emplace_back(Config::object(spec.class_name, std::move(options)));
    }
  }
  return list;
}

Config readable_metrics(const Config& metrics) {
  if (metrics.get("class_name", "") == "MeanMetricWrapper" && metrics.find("config") &&
      metrics.at("config").get("name", "") == "accuracy") {
    std::string function = metrics.at("config").get("fn", "");
    if (function == "binary_accuracy" || function == "categorical_accuracy" ||
        function == "sparse_categorical_accuracy" || function == "accuracy")
      return "accuracy";
  }
  if (!metrics.is_list()) return metrics;
  Config::List readable;
  for (const Config& metric : metrics.as_list()) readable.push_back(readable_metrics(metric));
  return readable;
}

}  // namespace manul::keras
