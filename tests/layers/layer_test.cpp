#include "manul/layers/layer.h"

#include <gtest/gtest.h>

#include "manul/framework/error.h"
#include "manul/layers/layers.h"

namespace manul {
namespace {

std::string message(const std::string& class_name, const Config& config) {
  try {
    make_layer(class_name, config);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::model_file);
    return error.what();
  }
  return "no error";
}

TEST(Layer, SnakeCaseIsKeras) {
  EXPECT_EQ(snake_case("Conv2D"), "conv2d");
  EXPECT_EQ(snake_case("MaxPooling2D"), "max_pooling2d");
  EXPECT_EQ(snake_case("GlobalAveragePooling2D"), "global_average_pooling2d");
  EXPECT_EQ(snake_case("BatchNormalization"), "batch_normalization");
  EXPECT_EQ(snake_case("ReLU"), "re_lu");
  EXPECT_EQ(snake_case("Dense"), "dense");
}

TEST(Layer, OptionsThatChangeTheResultAreRefused) {
  Config conv = Config::map({{"name", "c"}, {"filters", 4}, {"kernel_size", Config::List{3, 3}}});
  auto with = [&](const char* key, Config value) {
    Config config = conv;
    config.set(key, std::move(value));
    return message("Conv2D", config);
  };
  EXPECT_EQ(with("groups", 0), "layer c (Conv2D): option groups: must be at least 1, not 0");
  EXPECT_EQ(
      with("data_format", "channels_first"),
      "layer c (Conv2D): option data_format: \"channels_first\" is not supported, only \"channels_last\"");
  EXPECT_EQ(with("padding", "causal"),
            "layer c (Conv2D): option padding: wants valid or same, not \"causal\"");
  EXPECT_EQ(with("activation", "strange"),
            "layer c (Conv2D): option activation: wants the name of an activation, not \"strange\"");
  EXPECT_EQ(with("strides", Config::List{1, "a"}),
            "layer c (Conv2D): option strides: wants one integer or two, not [1, \"a\"]");
  EXPECT_EQ(with("strides", 0), "layer c (Conv2D): option strides: must be at least 1, not 0");
  EXPECT_EQ(with("filters", 1.5), "layer c (Conv2D): option filters: wants an integer, not 1.5");
  EXPECT_EQ(with("filters", -1), "layer c (Conv2D): option filters: must be at least 1, not -1");
  EXPECT_EQ(message("Dense", Config::map({{"name", "d"}})), "layer d (Dense): the option units is missing");
  EXPECT_EQ(
      message("Lambda", Config::map({{"name", "l"}})),
      "layer l: layers of the class Lambda are not supported; they are code of a Python program: write a "
      "layer of your own and register it under this name");
  EXPECT_EQ(message("LSTM", Config::map({{"name", "l"}})),
            "layer l: layers of the class LSTM are not supported; recurrent networks are not");
  EXPECT_EQ(
      message("Attention", Config::map({{"name", "l"}})),
      "layer l: layers of the class Attention are not supported; MultiHeadAttention is the attention that "
      "is here");
  EXPECT_EQ(message("Theirs>Swish", Config::map({{"name", "l"}})),
            "layer l: layers of the class Theirs>Swish are not supported; it is somebody's own: include the "
            "header that has its LayerRegistration in this program");
  EXPECT_EQ(
      message("Strange", Config::map({{"name", "l"}})),
      "layer l: layers of the class Strange are not supported; docs/layers.md lists those that are, and "
      "one of your own can be registered under this name");
  EXPECT_EQ(message("Dense", "nonsense"), "layer without a name (Dense): the option units is missing");
}

TEST(Layer, WhatOnlyTrainingNeedsIsKept) {
  Config regularizer = Config::map({{"class_name", "L2"}, {"config", Config::map({{"l2", 0.01}})}});
  LayerPtr layer = make_layer("Dense", Config::map({{"units", 3}, {"kernel_regularizer", regularizer}}));
  EXPECT_EQ(layer->untrained_options(), Config::map({{"kernel_regularizer", regularizer}}));
  EXPECT_EQ(layer->config().at("kernel_regularizer"), regularizer);
  EXPECT_TRUE(layer->config().at("bias_regularizer").is_null());
}

TEST(Layer, ParametersAreInKerasOrderAndFrozenAsAsked) {
  for (bool trainable : {true, false}) {
    LayerPtr layer = BatchNormalization{.name = "n", .trainable = trainable};
    ParameterSet parameters;
    layer->build({{4, 4, 6}}, parameters);
    std::vector<std::string> paths;
    for (const Parameter* parameter : layer->parameters()) paths.push_back(parameter->path);
    EXPECT_EQ(paths, (std::vector<std::string>{"n/gamma", "n/beta", "n/moving_mean", "n/moving_variance"}));
    EXPECT_EQ(parameters.trainable_count(), trainable ? 12 : 0);
    ParameterSet others;  // of another model, which shares the weights
    layer->build({{4, 4, 6}}, others, "other/");
    EXPECT_EQ(others.trainable_count(), parameters.trainable_count());
    EXPECT_EQ(layer->parameters().size(), paths.size());
    EXPECT_TRUE(others.contains("other/n/moving_variance"));
  }
}

TEST(Layer, SizesAreWrittenAsOneNumberOrTwo) {
  LayerPtr layer = Conv2D{.filters = 2, .kernel_size = {3, 5}, .strides = 2, .name = "c"};
  EXPECT_EQ(layer->output_shape({{9, 9, 3}}), (Shape{4, 3, 2}));
  EXPECT_EQ(layer->config().at("kernel_size"), (Config::List{3, 5}));
  EXPECT_EQ(layer->config().at("strides"), (Config::List{2, 2}));
}

TEST(ConfigTree, ReadsValuesByTypeOrSaysWhatIsThere) {
  Config config =
      Config::map({{"flag", 1}, {"whole", 3.0}, {"half", 0.5}, {"text", "a\"b"}, {"none", nullptr}});
  EXPECT_TRUE(config.get("flag", false));
  EXPECT_EQ(config.get("whole", int64_t{0}), 3);
  EXPECT_EQ(config.get("none", 7.0), 7.0);
  EXPECT_EQ(config.get("absent", "x"), "x");
  EXPECT_THROW(config.get("half", int64_t{0}), Error);
  EXPECT_THROW(config.get("text", 1.0), Error);
  EXPECT_EQ(config.text(), R"({"flag": 1, "whole": 3, "half": 0.5, "text": "a\"b", "none": null})");
  config.set("flag", Config::List{});
  EXPECT_EQ(config.at("flag").text(), "[]");
  EXPECT_EQ(Config(std::string(1000, 'x')).text().size(), 202U);
}

}  // namespace
}  // namespace manul
