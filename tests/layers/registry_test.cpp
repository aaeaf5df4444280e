#include "manul/layers/config/registry.h"

#include <gtest/gtest.h>

#include "manul/framework/error.h"
#include "manul/layers/layers.h"
#include "manul/tests/documentation_page.h"
#include "manul/tests/fixtures.h"

// What every registered layer keeps of a config, checks and refuses, and the table of the documentation. A
// new layer is in all of these without being named.
namespace manul {

/// Not as bytes, which hold addresses.
void PrintTo(const LayerClass& layer_class, std::ostream* out) {
  *out << layer_class.name;
}

namespace {

OptionList options_of_class(const LayerClass& layer_class) {
  OptionList list;
  layer_class.describe(list);
  return list;
}

std::string key_of(const OptionList::Entry& entry) {
  return std::string(entry.option.keys.front());
}

/// A config with the options that a file must have.
Config smallest_config(const LayerClass& layer_class) {
  Config config = Config::map({{"name", "l"}});
  for (const OptionList::Entry& entry : options_of_class(layer_class).entries) {
    if (!entry.option.required) continue;
    const Config candidates[] = {1, 0.5, Config::List{1}, Config::List{1, 1}};
    for (const Config& candidate : candidates) {
      config.set(key_of(entry), candidate);
      try {
        layer_class.from_config(config);
        break;
      } catch (const Error& error) {
        if (std::string(error.what()).find("is missing") != std::string::npos) break;  // the next one
      }
    }
  }
  return config;
}

Config with(Config config, std::string_view key, Config value) {
  config.set(key, std::move(value));
  return config;
}

std::string complaint(const LayerClass& layer_class, const Config& config) {
  try {
    make_layer(std::string(layer_class.name), config);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::model_file) << error.what();
    return error.what();
  }
  return {};
}

class EveryLayer : public testing::TestWithParam<LayerClass> {
 protected:
  const LayerClass& layer_class() const { return GetParam(); }
  LayerPtr made(const Config& config) const { return make_layer(std::string(layer_class().name), config); }
  Config base() const { return smallest_config(layer_class()); }
  std::string prefix() const { return fmt::format("layer l ({}): ", layer_class().name); }
};

TEST_P(EveryLayer, WritesWhatItReads) {
  Config config = made(base())->config();
  EXPECT_EQ(made(config)->config(), config);
  EXPECT_EQ(config.at("name"), Config("l"));
  EXPECT_EQ(made(with(base(), "trainable", false))->config().at("trainable"), Config(false));
}

TEST_P(EveryLayer, ReadsEveryNameOfAnOption) {
  Config config = made(base())->config();
  for (const OptionList::Entry& entry : options_of_class(layer_class()).entries)
    for (std::string_view alias : entry.option.keys) {
      const Config* value = config.find(key_of(entry));
      if (!value || value->is_null()) continue;
      Config renamed = Config::map();
      for (const Config::Entry& other : config.as_map())
        renamed.set(other.key == key_of(entry) ? alias : std::string_view(other.key), other.value);
      EXPECT_EQ(made(renamed)->config(), config) << alias;
    }
}

TEST_P(EveryLayer, KeepsWhatDoesNotMatterHere) {
  Config object = Config::map({{"class_name", "Strange"}, {"config", Config::map({{"l2", 0.5}})}});
  for (const OptionList::Entry& entry : options_of_class(layer_class()).entries) {
    Option::Kind kind = entry.option.kind;
    if (kind != Option::Kind::kept && kind != Option::Kind::training) continue;
    LayerPtr layer = made(with(base(), key_of(entry), object));
    EXPECT_EQ(layer->config().at(key_of(entry)), object);
    EXPECT_EQ(layer->untrained_options().find(key_of(entry)) != nullptr, kind == Option::Kind::training);
  }
  EXPECT_EQ(made(with(base(), "dtype", "mixed_float16"))->config().at("dtype"), Config("mixed_float16"));
  Config policy =
      Config::map({{"class_name", "DTypePolicy"}, {"config", Config::map({{"name", "bfloat16"}})}});
  EXPECT_EQ(made(with(base(), "dtype", policy))->config().at("dtype"), Config("bfloat16"));
}

TEST_P(EveryLayer, RefusesByName) {
  EXPECT_EQ(complaint(layer_class(), with(base(), "lora_rank", 4)),
            prefix() + "option lora_rank: 4 is not supported");
  EXPECT_EQ(complaint(layer_class(), with(base(), "lora_rank", nullptr)), "");
  Config quantizer = Config::map({{"class_name", "AbsMaxQuantizer"}, {"config", Config::map({{"axis", 0}})}});
  EXPECT_EQ(complaint(layer_class(), with(base(), "kernel_quantizer", quantizer))
                .find(prefix() + "option kernel_quantizer: "),
            0U);
  EXPECT_EQ(complaint(layer_class(), with(base(), "dtype", "int8_from_float32")),
            prefix() + "option dtype: \"int8_from_float32\" is not supported");
  Config strange = Config::List{"strange"};
  for (const OptionList::Entry& entry : options_of_class(layer_class()).entries) {
    if (entry.option.kind == Option::Kind::value || entry.option.kind == Option::Kind::fixed) {
      EXPECT_EQ(complaint(layer_class(), with(base(), key_of(entry), strange))
                    .find(prefix() + "option " + key_of(entry) + ": "),
                0U)
          << key_of(entry);
    }
    if (entry.option.required) {
      EXPECT_EQ(complaint(layer_class(), with(base(), key_of(entry), nullptr)),
                prefix() + "the option " + key_of(entry) + " is missing");
    }
  }
}

std::vector<LayerClass> keras_classes() {
  std::vector<LayerClass> classes;
  for (const LayerClass& known : layer_classes())
    if (known.name.find('>') == std::string_view::npos) classes.push_back(known);  // others are users' own
  return classes;
}

INSTANTIATE_TEST_SUITE_P(Layers, EveryLayer, testing::ValuesIn(keras_classes()),
                         [](const auto& info) { return std::string(info.param.name); });

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

std::string cell(const OptionList::Entry& entry) {
  const Option& option = entry.option;
  std::string text = "`" + key_of(entry) + "`";
  if (option.kind == Option::Kind::fixed) return text + " only " + entry.default_value.text();
  if (option.required)
    text += " (required)";
  else
    text += " = " + entry.default_value.text();
  if (std::string range = option.range.text(); !range.empty()) text += ", " + range;
  return text;
}

std::string table() {
  std::string text =
      "# Layers\n\n"
      "Made from the layers' own descriptions by `tests/layers/registry_test.cpp`, which also checks that "
      "this page is\n"
      "current: `MANUL_UPDATE_DOCS=1 build/tests/layers_test --gtest_filter=LayerTable.*` writes it. Every "
      "layer also has\n"
      "Keras' `name`, `trainable` and `dtype`. *Kept* options are written back to "
      "files and change nothing,\n"
      "but for initializers, which draw what has no weights yet (of code: `Layer::initialize`); options\n"
      "*for training* are written back: regularizers and constraints of weights work as in Keras (of code: "
      "`Layer::regularize`, `Layer::constrain`),\n"
      "and regularizers of what a layer puts out (`Layer::regularize_activity`; not of MultiHeadAttention, "
      "which has "
      "them within);\n"
      "a model that has others predicts but is not trained. Any other option of a file is refused by "
      "name.\n\n"
      "| Class | Options | Kept | For training |\n|---|---|---|---|\n";
  for (const LayerClass& layer_class : keras_classes()) {
    std::vector<std::string> options, kept, training;
    for (const OptionList::Entry& entry : options_of_class(layer_class).entries) {
      if (entry.option.kind == Option::Kind::kept)
        kept.push_back("`" + key_of(entry) + "`");
      else if (entry.option.kind == Option::Kind::training)
        training.push_back("`" + key_of(entry) + "`");
      else
        options.push_back(cell(entry));
    }
    text += fmt::format("| {} | {} | {} | {} |\n", layer_class.name, joined(options), joined(kept),
                        joined(training));
  }
  return text;
}

TEST(LayerTable, OfTheDocumentationIsCurrent) {
  expect_documentation_page("layers.md", table());
}

}  // namespace
}  // namespace manul
