#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "manul/framework/config/json.h"
#include "manul/framework/config/not_supported.h"
#include "manul/framework/file.h"
#include "manul/framework/initializers/initializer_of.h"
#include "manul/layers/config/registry.h"
#include "manul/models/training/callbacks/callback_table.h"
#include "manul/models/zoo/zoo.h"
#include "manul/ops/metrics/metric.h"
#include "manul/ops/optimizers/optimizer_table.h"
#include "manul/ops/pointwise/activation.h"
#include "manul/ops/regularizers/regularizer_table.h"
#include "manul/ops/schedules/schedule_table.h"
#include "manul/tests/documentation_page.h"
#include "manul/tests/fixtures.h"

// docs/keras_coverage.md: all that Keras 3 has (tests/reference/keras3_names.json), and what Manul has of it.
namespace manul {
namespace {

using Names = std::vector<std::string>;

/// What is here, and within which limits; or not.
struct Found {
  bool is_here = false;
  std::string limits = {};
};
using Look = std::function<Found(const std::string& name)>;

/// Options that have one value alone.
std::string fixed_options(const std::function<void(Description&)>& describe) {
  OptionList list;
  describe(list);
  std::string text;
  for (const OptionList::Entry& entry : list.entries)
    if (entry.option.kind == Option::Kind::fixed)
      text += fmt::format("{}`{}` only {}", text.empty() ? "" : ", ", entry.option.keys.front(),
                          entry.default_value.text());
  return text;
}

Found layer(const std::string& name) {
  if (name == "InputLayer") return {true, "`sparse` only false"};
  for (const LayerClass& known : layer_classes())
    if (known.name == name) return {true, fixed_options(known.describe)};
  return {};
}

template <class Base>
Look object(const ObjectTable<Base>& table) {
  return [&table](const std::string& name) -> Found {
    const auto* known = table.find(name);
    return known ? Found{true, fixed_options(known->describe)} : Found{};
  };
}

Found metric(const std::string& name) {
  return {find_metric(name).has_value()};
}
Found callback(const std::string& name) {
  for (const CallbackEntry& known : registered_callbacks())
    if (known.name == name) return {true, known.make ? "" : "in code: it takes functions"};
  return {};
}
Found activation(const std::string& name) {
  return {find_activation(name, 3).has_value()};
}
Found network(const std::string& name) {
  for (const Network& known : networks())
    if (known.keras_class == name) return {true, fmt::format("`{}`", known.name)};
  return {};
}

struct CoverageKind {
  std::string key, title, page;
  Look look;
  std::string otherwise;  // why names without a reason of their own are not here
};

std::vector<CoverageKind> kinds() {
  return {
      {"layers", "Layers", "Options: [layers.md](layers.md).", layer, ""},
      {"losses", "Losses", "Options: [losses_and_metrics.md](losses_and_metrics.md).",
       [](const std::string& name) { return Found{static_cast<bool>(find_loss(name).values)}; }, ""},
      {"metrics", "Metrics", "Options: [losses_and_metrics.md](losses_and_metrics.md).", metric, ""},
      {"optimizers", "Optimizers",
       "All with weight decay, clipping of three kinds, averages (EMA) and accumulated gradients: "
       "[models.md](models.md).",
       object(optimizer_table()), ""},
      {"schedules", "Schedules of the learning rate", "", object(schedule_table()), ""},
      {"initializers", "Initializers", "", object(initializer_table()), ""},
      {"regularizers", "Regularizers", "Of weights and of what layers put out.", object(regularizer_table()),
       ""},
      {"constraints", "Constraints", "", object(constraint_table()), ""},
      {"callbacks", "Callbacks", "[callbacks.md](callbacks.md).", callback, ""},
      {"activations", "Activations", "By name, wherever a layer takes one.", activation,
       "a layer of your own with these ops"},
      {"networks", "keras.applications", "Layer by layer, so that Keras' weights load: [zoo.md](zoo.md).",
       network, "a whole model of it that Keras saved loads as any other file (`Model::load`)"},
  };
}

const Config& keras_names() {
  static const Config names = [] {
    std::vector<uint8_t> text =
        InputFile(reference_file("keras3_names.json"), ErrorKind::data).read_all(1 << 20);
    return parse_json({text.begin(), text.end()});
  }();
  return names;
}

Names names_of(const CoverageKind& kind) {
  Names names;
  for (const Config& name : keras_names().at(kind.key).as_list()) names.push_back(name.as_string());
  return names;
}

std::string why(const CoverageKind& kind, const std::string& name) {
  std::string reason = why_not_supported(kind.key, name);
  return reason.empty() ? kind.otherwise : reason.substr(2);
}

std::string section(const CoverageKind& kind) {
  Names here, absent;
  std::string limits, reasons;
  for (const std::string& name : names_of(kind)) {
    Found found = kind.look(name);
    (found.is_here ? here : absent).push_back(name);
    if (found.is_here && !found.limits.empty()) limits += fmt::format("| {} | {} |\n", name, found.limits);
  }
  std::vector<std::pair<std::string, Names>> by_reason;
  for (const std::string& name : absent) {
    std::string reason = why(kind, name);
    auto known = std::find_if(by_reason.begin(), by_reason.end(),
                              [&](const auto& entry) { return entry.first == reason; });
    if (known == by_reason.end()) known = by_reason.insert(known, {reason, {}});
    known->second.push_back(name);
  }
  auto joined = [](const Names& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
  };
  for (const auto& [reason, names] : by_reason)
    reasons += fmt::format("| {} | {} |\n", joined(names), reason);
  std::string text =
      fmt::format("## {}\n\n{} of {}{}\n\nHere: {}.\n", kind.title, here.size(), here.size() + absent.size(),
                  kind.page.empty() ? "." : ". " + kind.page, joined(here));
  if (!limits.empty())
    text +=
        fmt::format("\n| {} | |\n|---|---|\n{}", kind.key == "networks" ? "Keras' name" : "Limits", limits);
  if (!reasons.empty()) text += fmt::format("\n| Not here | |\n|---|---|\n{}", reasons);
  return text + "\n";
}

std::string page() {
  std::string text = fmt::format(
      "# What of Keras is here\n\n"
      "All that Keras {} has to make, train and judge a model of, made from the tables of the library by\n"
      "`tests/models/keras/coverage_page_test.cpp` (`MANUL_UPDATE_DOCS=1 build/tests/models_test "
      "--gtest_filter=Coverage.*` writes it). What is not here is\n"
      "refused by name when a file has it, with the reason that stands below. Names that tf.keras 2.15 has "
      "besides are "
      "read as well\n(aliases, older layouts of files): [keras_files.md](keras_files.md).\n\n",
      keras_names().get("keras", ""));
  for (const CoverageKind& kind : kinds()) text += section(kind);
  text.pop_back();
  return text;
}

TEST(Coverage, WhatIsNotHereHasAReason) {
  for (const CoverageKind& kind : kinds())
    for (const std::string& name : names_of(kind)) {
      EXPECT_TRUE(kind.look(name).is_here || !why(kind, name).empty())
          << kind.key << ": " << name << " is neither here nor in framework/config/not_supported.cpp";
    }
}

TEST(Coverage, WhatIsHereIsNotCalledMissing) {
  for (const CoverageKind& kind : kinds())
    for (const NotSupported& entry : not_supported())
      for (std::string_view name : entry.classes)
        if (entry.kind == kind.key) {
          EXPECT_FALSE(kind.look(std::string(name)).is_here) << name;
        }
}

TEST(Coverage, PageOfTheDocumentationIsCurrent) {
  expect_documentation_page("keras_coverage.md", page());
}

}  // namespace
}  // namespace manul
