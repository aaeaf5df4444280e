#include "manul/models/zoo/zoo.h"

#include <gmock/gmock.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "manul/framework/config/json.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/keras/h5.h"
#include "manul/testing/op_check.h"
#include "manul/tests/error_of.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/models/zoo/formula.h"
#include "manul/tests/temporary_folder.h"

// The ready-made networks against what Keras says of its own (tests/reference/zoo.json, written by
// tests/keras/compare_zoo.py) and, where they are small, against what it computes.
namespace manul {

/// Not as bytes, which hold addresses.
void PrintTo(const Network& network, std::ostream* out) {
  *out << network.name;
}

namespace {

const Config& keras_facts() {
  static const Config facts = [] {
    std::ostringstream text;
    text << std::ifstream(reference_file("zoo.json")).rdbuf();
    return parse_json(text.str());
  }();
  return facts;
}

Shape shape_of(const Config& lengths) {
  std::vector<int64_t> values;
  for (const Config& length : lengths.as_list()) values.push_back(length.as_int());
  return Shape(values);
}

void expect_sizes(const Model& model, const Config& fact) {
  EXPECT_EQ(model.graph().shape(model.outputs().at(0)), shape_of(fact.at("output_shape")));
  EXPECT_EQ(model.parameters().trainable_count(), fact.at("trainable").as_int());
  EXPECT_EQ(model.parameters().statistics_count(), fact.at("others").as_int());
}

class EveryNetwork : public testing::TestWithParam<Network> {
 protected:
  const Network& network() const { return GetParam(); }
  const Config& fact() const { return keras_facts().at(std::string(network().name)); }
};

TEST_P(EveryNetwork, HasKerasLayersAndParameters) {
  Model model = network().build();
  EXPECT_EQ(fact().at("class"), Config(std::string(network().keras_class)));
  EXPECT_EQ(fact().at("name"), Config(model.graph().name()));
  expect_sizes(model, fact());
  std::vector<std::string> wanted_with_weights, with_weights;
  std::set<std::string> wanted, names;
  for (const LayerPtr& layer : keras::ordered_layers(model.graph())) {
    names.insert(layer->name() + " " + layer->class_name());
    if (!layer->parameters().empty()) with_weights.push_back(layer->name());
  }
  for (const Config& layer : fact().at("layers").as_list()) {
    const Config::List& parts = layer.as_list();
    std::string name = parts[0].as_string();
    if (parts[1] == Config("InputLayer")) continue;
    wanted.insert(name + " " + parts[1].as_string());
    if (parts.size() > 2) wanted_with_weights.push_back(name);
  }
  EXPECT_EQ(with_weights, wanted_with_weights);  // also the order in which files have them
  for (const std::string& name : wanted) EXPECT_TRUE(names.contains(name)) << name;
}

TEST_P(EveryNetwork, IsABaseWithoutItsTop) {
  const Config& base = fact().at("base");
  NetworkOptions options{.input_shape = shape_of(base.at("input_shape")), .include_top = false};
  if (base.at("output_shape").as_list().size() == 1 && network().name != "catdog")
    options.pooling = PoolingKind::average;
  expect_sizes(network().build(options), base);
}

TEST_P(EveryNetwork, ComputesWhatKerasDoes) {
  const Config* computed = fact().find("computed");
  if (!computed) GTEST_SKIP() << "too large for a test: tests/keras/compare_zoo.py compares it";
  Shape shape = shape_of(computed->at("input_shape"));
  Model model = network().build({.input_shape = shape,
                                 .classes = 7,
                                 .classifier_activation = Activation::linear,
                                 .include_preprocessing = true});
  model.build({.gradients = false});
  set_formula_weights(model.graph());
  std::vector<float> outputs;
  for (const Config& value : computed->at("outputs").as_list())
    outputs.push_back(static_cast<float>(value.as_double()));
  Tensor predicted = model.predict(formula_pixels(shape.batch_of(2)));
  // Single precision against double, through up to 80 convolutions.
  EXPECT_LE(normalised_error(predicted, Tensor::from(outputs, predicted.shape())), 2e-5);
}

INSTANTIATE_TEST_SUITE_P(Zoo, EveryNetwork, testing::ValuesIn(networks()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Zoo, IsSortedAndKnownToKeras) {
  EXPECT_EQ(networks().size(), keras_facts().as_map().size());
  EXPECT_TRUE(std::is_sorted(networks().begin(), networks().end(),
                             [](const Network& a, const Network& b) { return a.name < b.name; }));
}

TEST(Zoo, FindsByAnyName) {
  for (const char* name : {"vgg16", "VGG16", "vgg_16"}) EXPECT_EQ(find_network(name).name, "vgg16");
  std::string error = error_of([] { find_network("vgg17"); }, ErrorKind::usage);
  EXPECT_THAT(error, testing::StartsWith("there is no network vgg17, but catdog, "));
  EXPECT_THAT(error, testing::HasSubstr(", vgg19"));
}

TEST(Zoo, RefusesOptionsThatDoNotFit) {
  auto error = [](const NetworkOptions& options) {
    return error_of([&] { build_network("vgg16", options); }, ErrorKind::failed);
  };
  EXPECT_EQ(error({.input_shape = {31, 64, 3}}),
            "vgg16: the input shape is [31, 64, 3], and pictures of at least 32x32 are wanted");
  EXPECT_EQ(error({.input_shape = {64, 64}}),
            "vgg16: an input shape of three axes is wanted, height, width and channels, not [64, 64]");
  EXPECT_EQ(error({.classes = -1}), "vgg16: -1 classes");
  EXPECT_EQ(error({.pooling = PoolingKind::max}),
            "vgg16: pooling is for a network without its top: set include_top to false");
  EXPECT_EQ(error({.alpha = 0.5}), "vgg16: it has one width alone, alpha is not for it");
}

TEST(Zoo, HasTheClassifierThatIsAskedFor) {
  auto last = [](const NetworkOptions& options) {
    Model model = build_network("lenet5", options);
    return model.layer("predictions")->config().at("activation");
  };
  EXPECT_EQ(last({}), Config("softmax"));
  EXPECT_EQ(last({.classes = 1}), Config("sigmoid"));
  EXPECT_EQ(last({.classes = 1, .classifier_activation = Activation::softmax}), Config("softmax"));
  EXPECT_EQ(build_network("lenet5", {.name = "mine"}).graph().name(), "mine");
}

TEST(Zoo, PreprocessesAsKeras) {
  Tensor x = Tensor::from(std::vector<float>{0, 100, 255}, {1, 1, 1, 3});
  auto values = [&](PreprocessMode mode) { return preprocess_input(x, mode).to_vector<float>(); };
  using testing::ElementsAre;
  using testing::FloatNear;
  auto near = [](float a, float b, float c) {
    return ElementsAre(FloatNear(a, 1e-5F), FloatNear(b, 1e-5F), FloatNear(c, 1e-5F));
  };
  EXPECT_THAT(values(PreprocessMode::none), near(0, 100, 255));
  EXPECT_THAT(values(PreprocessMode::rescale), near(0, 0.39215686F, 1));
  EXPECT_THAT(values(PreprocessMode::tf), near(-1, -0.21568627F, 1));
  EXPECT_THAT(values(PreprocessMode::torch), near(-2.1179039F, -0.28501397F, 2.64F));
  EXPECT_THAT(values(PreprocessMode::caffe), near(151.061F, -16.779F, -123.68F));
  EXPECT_EQ(error_of(
                [] {
                  preprocess_input(Tensor::zeros({1, 2, 2, 4}), PreprocessMode::caffe);
                },
                ErrorKind::failed),
            "preprocess_input: the mode caffe takes three channels, not [1, 2, 2, 4]");
}

TEST(Zoo, TheLayersOfThePreprocessingDoTheSame) {
  for (const Network& network : networks()) {
    if (network.includes_preprocessing) continue;
    Model whole = network.build({.include_preprocessing = true});
    std::string last;  // of the preprocessing
    for (const LayerPtr& layer : whole.graph().layers())
      if (layer->name().starts_with("preprocess_input_")) last = layer->name();
    Model preprocessing(whole.inputs(), {whole.output_of(last)});
    Tensor pixels = formula_pixels(network.input_shape.batch_of(1));
    EXPECT_LE(normalised_error(preprocessing.predict(pixels), preprocess_input(pixels, network.preprocess)),
              1e-6)
        << network.name;
  }
}

TEST(Zoo, ScalesPicturesOfOtherChannelsAsOne) {
  Model model = build_network("resnet18", {.input_shape = {32, 32, 1}, .include_preprocessing = true});
  EXPECT_EQ(model.layer("preprocess_input_scale")->config().at("offset"), Config(-1.0));
}

/// The network without what it drops at random: with six pictures the loss of some goes up as often as down.
Model without_dropout(const Model& model) {
  return model_from_json(
      std::regex_replace(to_json(model), std::regex(R"("rate": ?[0-9.]+)"), R"("rate": 0.0)"));
}

TEST(Zoo, Train) {
  for (const char* name : {"lenet5", "resnet18", "mobilenetv3small", "efficientnetv2b0", "vit"}) {
    Model model = without_dropout(build_network(name, {.input_shape = {32, 32, 3}, .classes = 3}));
    model.compile(Adam({.learning_rate = 0.0001}), Loss::sparse_categorical_crossentropy, {}, {.seed = 2});
    Tensor x = preprocess_input(formula_pixels({6, 32, 32, 3}), PreprocessMode::tf);
    Tensor labels = Tensor::from(std::vector<int32_t>{0, 1, 2, 2, 1, 0}, {6});
    double first = model.train_on_batch(x, labels).item<float>(), last = first;
    for (int step = 0; step < 8; ++step) last = model.train_on_batch(x, labels).item<float>();
    EXPECT_LT(last, first) << name;
  }
}

TEST(Zoo, MobileNetsAndUNetHaveAWidth) {
  EXPECT_EQ(build_network("mobilenetv2", {.alpha = 0.35}).graph().name(), "mobilenetv2_0.35_224");
  Model narrow = build_network("unet", {.input_shape = {32, 48, 3}, .classes = 4, .alpha = 0.125});
  EXPECT_EQ(narrow.graph().shape(narrow.outputs()[0]), Shape({32, 48, 4}));
  EXPECT_EQ(error_of(
                [] {
                  build_network("unet", {.input_shape = {40, 48, 3}});
                },
                ErrorKind::failed),
            "unet: the picture is halved four times: its sides must be multiples of 16, not 40x48");
}

TEST(Zoo, EfficientNetForKerasOwnWeightsHasALayerMore) {
  Model model = build_network("efficientnetb0", {.for_imagenet_weights = true});
  Config scale = model.layer("rescaling_1")->config().at("scale");
  EXPECT_NEAR(scale.as_list().at(0).as_double(), 1 / std::sqrt(0.229), 1e-12);
  EXPECT_EQ(error_of([] { build_network("vgg16", {.for_imagenet_weights = true}); }, ErrorKind::failed),
            "vgg16: for_imagenet_weights is not for it: Keras builds it alike for all weights");
}

TEST(Zoo, NamesWithASlashAreThoseWithAnUnderscore) {
  auto network = [](const char* name) {
    Sequential model({4, 4, 2});
    model.add(Conv2D{.filters = 3, .kernel_size = 2, .name = name});
    return model;
  };
  TemporaryFolder folder;
  Sequential old = network("conv1/conv"), today = network("conv1_conv");
  old.build({.seed = 1});
  today.build({.seed = 2});
  save_weights(old, folder / "old.h5");
  load_weights(today, folder / "old.h5", {.by_name = true});
  Tensor x = formula_pixels({1, 4, 4, 2});
  EXPECT_EQ(today.predict(x).to_vector<float>(), old.predict(x).to_vector<float>());
}

}  // namespace
}  // namespace manul
