#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "manul/framework/config/json.h"
#include "manul/framework/warning.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/hdf5/reader.h"
#include "manul/models/keras/architecture.h"
#include "manul/models/keras/h5.h"
#include "manul/tests/models/keras_checks.h"
#include "manul/tests/temporary_folder.h"

// Files of Keras with something in them that would be silently wrong if it were passed over.
namespace manul {
namespace {

using testing::HasSubstr;
using testing::Not;

enum class FaultKind { predicts, trains };
struct FaultCase {
  std::string name;
  FaultKind kind;
};

const FaultCase cases[] = {
    {"keras2-output-of-nested-twice.h5", FaultKind::predicts},
    {"keras2-output-of-nested.h5", FaultKind::predicts},
    {"keras2-functional-of-sequential-twice.h5", FaultKind::predicts},
    {"keras2-gan.h5", FaultKind::trains},
    {"keras2-bn-training-true.h5", FaultKind::predicts},
    {"keras2-bn-training-false.h5", FaultKind::predicts},
    {"keras2-finetune-training-false.h5", FaultKind::trains},
    {"keras2-transfer-training-false.h5", FaultKind::trains},
    {"keras2-loss-weights.h5", FaultKind::trains},
    {"keras2-loss-weights-dict.h5", FaultKind::trains},
    {"keras2-bce-softmax-2.h5", FaultKind::trains},
    {"keras2-cce-sigmoid.h5", FaultKind::trains},
    {"keras2-scce-relu.h5", FaultKind::trains},
    {"keras2-metrics-precision.h5", FaultKind::trains},
    {"keras3-output-of-nested-twice.h5", FaultKind::predicts},
    {"keras3-output-of-nested.h5", FaultKind::predicts},
    {"keras3-functional-of-sequential-twice.h5", FaultKind::predicts},
    {"keras3-gan.h5", FaultKind::trains},
    {"keras3-finetune-training-false.h5", FaultKind::trains},
    {"keras3-loss-weights.h5", FaultKind::trains},
    {"keras3-loss-weights-dict.h5", FaultKind::trains},
    {"keras3-bce-softmax-2.h5", FaultKind::trains},
    {"keras3-cce-sigmoid.h5", FaultKind::trains},
    {"keras3-bce-relu.h5", FaultKind::trains},
    {"keras3-scce-relu.h5", FaultKind::trains},
};

class KerasFaultTest : public testing::TestWithParam<FaultCase> {};

TEST_P(KerasFaultTest, GivesWhatKerasGives) {
  Fixture expected(reference_file("faults/expected.h5"));
  const auto& [name, kind] = GetParam();
  std::string path = reference_file("faults/" + name);
  Model model = Model::load(path);
  check_prediction(model, expected, name);
  if (kind == FaultKind::trains) {
    Model trained = Model::load(path, {.training = true});
    ASSERT_TRUE(trained.is_compiled());
    check_step(trained, expected, name);
  }
}

TEST_P(KerasFaultTest, GivesItWhenSavedAgain) {
  Fixture expected(reference_file("faults/expected.h5"));
  const auto& [name, kind] = GetParam();
  TemporaryFolder folder;
  std::string path = folder / "again.h5";
  Model::load(reference_file("faults/" + name), {.training = kind == FaultKind::trains}).save(path);
  Model model = Model::load(path);
  check_prediction(model, expected, name);
  if (kind == FaultKind::trains) {
    Model trained = Model::load(path, {.training = true});
    check_step(trained, expected, name);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, KerasFaultTest, testing::ValuesIn(cases), [](const auto& info) {
  std::string name = info.param.name.substr(0, info.param.name.size() - 3);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

/// The files of the collection whose fault is in the loss; in the repository are some of them.
TEST(SharedKerasFaults, OfLossesTrainAsInKeras) {
  std::filesystem::path folder = shared_file("faults/keras-files");
  if (folder.empty()) GTEST_SKIP() << missing_shared_file("faults/keras-files");
  int count = 0;
  for (const char* part : {"b", "c"})
    for (const char* keras : {"keras2", "keras3"}) {
      Fixture expected((folder / part / (std::string("expected-") + keras + ".h5")).string());
      for (const char* what : {"bce-object", "bce-relu", "bce-sigmoid-3", "bce-softmax-layer",
                               "bce-softmax-2", "cce-linear", "cce-sigmoid", "loss-weights",
                               "loss-weights-dict", "scce-relu", "weighted-metrics", "metrics-precision"}) {
        std::string name = std::string(keras) + "-" + what + ".h5", path = (folder / part / name).string();
        if (!std::filesystem::exists(path)) continue;
        SCOPED_TRACE(name);
        ++count;
        std::vector<std::string> warnings;
        set_warning_handler([&](const std::string& text) { warnings.push_back(text); });
        Model model = Model::load(path, {.training = true});
        set_warning_handler({});
        bool has_epsilon = name == "keras2-bce-relu.h5";
        EXPECT_EQ(warnings.size(), has_epsilon ? 1U : 0U);
        if (has_epsilon)
          EXPECT_THAT(warnings.front(), HasSubstr("is that of Keras 3"));
        else
          check_step(model, expected, name);
      }
    }
  EXPECT_EQ(count, 23);
}

Config file_config(const std::string& path, const char* attribute) {
  hdf5::Reader file(path);
  std::optional<std::string> text = file.text("", attribute);
  return text ? parse_json(*text) : Config();
}

TEST(KerasFaults, NamesOutsideAsciiComeBackFromKeras3) {
  Model own = Model::load(reference_file("faults/names-5.h5"));
  Model resaved = Model::load(reference_file("faults/names-5-resaved.h5"));
  Tensor x = Tensor::zeros({2, 6, 6, 3});
  for (int64_t i = 0; i < x.elements(); ++i)
    x.mutable_data<float>()[i] = static_cast<float>(i % 17) / 17 - 0.5F;
  EXPECT_EQ(own.forward(x).to_vector<float>(), resaved.forward(x).to_vector<float>());
  EXPECT_NO_THROW(resaved.parameters().at("caf\u00e9/kernel"));
}

TEST(KerasFaults, MetricsAreKept) {
  TemporaryFolder folder;
  std::string path = folder / "again.h5";
  for (bool training : {false, true}) {
    Model::load(reference_file("faults/keras2-metrics-precision.h5"), {.training = training}).save(path);
    std::string text = json_text(file_config(path, "training_config").at("metrics"));
    for (const char* name : {"Precision", "Recall", "AUC", "num_thresholds"})
      EXPECT_THAT(text, HasSubstr(name)) << training;
    if (training) {
      EXPECT_THAT(text, Not(HasSubstr("MeanMetricWrapper")));
    }
  }
}

TEST(KerasFaults, DropoutInTrainingForEver) {
  Model model = Model::load(reference_file("faults/keras2-mc.h5"));
  Tensor x = Tensor::full({3, 6}, 1.0);
  std::vector<float> first = model.forward(x).to_vector<float>(),
                     second = model.forward(x).to_vector<float>();
  EXPECT_NE(first, second);
  EXPECT_EQ(Model::load(reference_file("faults/keras2-mc.h5")).forward(x).to_vector<float>(), first);
}

Config sequential_of(Config layer) {
  layer.at("config");
  Config input = Config::map(
      {{"class_name", "InputLayer"},
       {"config", Config::map({{"batch_input_shape", Config::List{nullptr, 4}}, {"name", "x"}})}});
  return Config::map(
      {{"class_name", "Sequential"},
       {"config", Config::map({{"name", "sequential"}, {"layers", Config::List{input, std::move(layer)}}})}});
}

Config layer_of(const char* class_name, std::initializer_list<Config::Entry> options) {
  Config config = Config::map({{"name", "first"}});
  for (const Config::Entry& option : options) config.set(option.key, option.value);
  return Config::map({{"class_name", class_name}, {"config", std::move(config)}});
}

std::string complaint_about(const char* class_name, std::initializer_list<Config::Entry> options) {
  return complaint([&] { keras::read_architecture(sequential_of(layer_of(class_name, options)), 3); });
}

TEST(KerasFaults, OptionsThatSaySomethingUnknownAreRefusedByName) {
  EXPECT_THAT(complaint_about("Dense", {{"units", 2}, {"mystery", 3}}),
              HasSubstr("layer first (Dense): option mystery: 3 is not supported"));
  EXPECT_THAT(complaint_about("Dense", {{"units", 2}, {"lora_rank", 4}}), HasSubstr("lora_rank"));
  EXPECT_THAT(complaint_about("BatchNormalization", {{"renorm", true}}), HasSubstr("renorm"));
  EXPECT_THAT(complaint_about("BatchNormalization", {{"mode", 2}}),
              HasSubstr("a BatchNormalization of mode 2 is not supported"));
  EXPECT_EQ(complaint_about("Dense", {{"units", 2}, {"lora_rank", nullptr}, {"mystery", false}}), "");
}

TEST(KerasFaults, WhatChangesNothingIsWrittenBack) {
  Config he = Config::map(
      {{"module", "keras.initializers"}, {"class_name", "HeNormal"}, {"config", Config::map({{"seed", 7}})}});
  Config policy = Config::map({{"module", "keras"},
                               {"class_name", "DTypePolicy"},
                               {"config", Config::map({{"name", "mixed_float16"}})}});
  auto written = [](const Config& layer) {
    keras::Architecture read = keras::read_architecture(sequential_of(layer), 3);
    Config config = keras::architecture_config(read.graph);
    return json_text(config.at("config").at("layers").as_list().at(1).at("config"));
  };
  std::string dense =
      written(layer_of("Dense", {{"units", 2}, {"kernel_initializer", he}, {"dtype", policy}}));
  EXPECT_THAT(dense, HasSubstr("HeNormal"));
  EXPECT_THAT(dense, HasSubstr("\"seed\":7"));
  EXPECT_THAT(dense, HasSubstr("\"dtype\":\"mixed_float16\""));
  EXPECT_THAT(dense, Not(HasSubstr("keras.initializers")));
  EXPECT_THAT(written(layer_of("Dropout", {{"rate", 0.5}, {"seed", 11}})), HasSubstr("\"seed\":11"));
}

TEST(KerasFaults, AReservedNameIsRefused) {
  Sequential model({4});
  model.add(Dense{.units = 2, .name = "top_level_model_weights"});
  model.build();
  TemporaryFolder folder;
  EXPECT_THROW(model.save(folder / "model.h5"), Error);
}

}  // namespace
}  // namespace manul
