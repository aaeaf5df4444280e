#pragma once

#include "manul/framework/config/config.h"
#include "manul/ops/metrics/metric.h"

namespace manul::keras {

/// An option of a loss or metric from and to a file.
OptionValue option_of(const Config& config);
Config config_of(const OptionValue& value);
/// Adds the options, but those that are as in `standard`: not every Keras knows every option, and all have
/// the same defaults. Numbers with a point are always written: Keras has no default for some (a sensitivity).
void add_unusual_options(Config& config, const Options& options, const Options& standard);

/// The metrics of an entry "metrics" or "weighted_metrics", however deep they are nested: names, or objects
/// with class and options. Those that are not known here are left out, with a warning.
std::vector<Metric> read_metrics(const Config* metrics);

/// The entry of these metrics, a list. One that a file cannot hold (a function) is left out: Keras could not
/// read it.
Config metrics_config(const std::vector<Metric>& metrics);

/// The metrics of a file as every Keras reads them: Keras 3 fails on the object that tf.keras 2 writes for
/// "accuracy".
Config readable_metrics(const Config& metrics);

}  // namespace manul::keras
