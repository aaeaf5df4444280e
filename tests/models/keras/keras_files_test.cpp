#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "manul/framework/error.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/keras/h5.h"
#include "manul/testing/op_check.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/models/keras_checks.h"

// Files that Keras wrote: what each is to give here. None may be passed over.
namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

enum class Kind {
  trains,    // predicts, and the next step of training is Keras' own
  predicts,  // predicts; training is refused with `sentence`
  weights,   // load_weights() into the model of `sentence`; Model::load() refuses it
  refused,   // with `sentence`
};

struct FileCase {
  std::string name;  // without "keras2-", "keras3-"
  Kind kind;
  std::string sentence = {};
  std::string refused_of_keras3 = {};  // why, if the file of Keras 3 alone is
};

const std::vector<FileCase> fixture_cases{
    {"activations.h5", Kind::predicts},
    {"catdog.h5", Kind::trains},
    {"catdog-weights.h5", Kind::weights, "catdog.h5"},
    {"catdog.weights.h5", Kind::weights, "catdog.h5"},
    {"catdog.keras", Kind::predicts},
    {"compiled-untrained.h5", Kind::trains},
    {"functional-resnet.h5", Kind::predicts},
    {"functional-train.h5", Kind::trains},
    {"label-smoothing.h5", Kind::trains},
    {"logits-metrics.h5", Kind::trains},
    {"loss-alias.h5", Kind::trains},
    {"nested.h5", Kind::trains},
    {"nested-frozen.h5", Kind::trains},
    {"nested-weights.h5", Kind::weights, "nested.h5"},
    {"opt-adadelta.h5", Kind::trains},
    {"opt-adagrad.h5", Kind::trains},
    {"opt-adam-amsgrad.h5", Kind::trains},
    {"opt-adam-clipnorm.h5", Kind::trains},
    {"opt-adam-schedule.h5", Kind::trains},
    {"opt-adamax.h5", Kind::trains},
    {"opt-adamw.h5", Kind::trains},
    {"opt-legacy-adam-decay.h5", Kind::trains},
    {"opt-legacy-rmsprop.h5", Kind::trains},
    {"opt-legacy-sgd-momentum.h5", Kind::trains},
    {"opt-nadam.h5", Kind::trains},
    {"opt-rmsprop-centered.h5", Kind::trains},
    {"opt-sgd.h5", Kind::trains},
    {"opt-sgd-momentum-nesterov.h5", Kind::trains},
    {"refused-channels-first.h5", Kind::refused, "layer planar (Conv2D): option data_format"},
    {"refused-custom-layer.h5", Kind::refused, "layer own: layers of the class zoo>Scale"},
    {"refused-lambda.h5", Kind::refused, "layer twice: a Lambda would run code"},
    {"refused-lstm-embedding.h5", Kind::refused, "layers of the class LSTM"},
    {"sequential-all.h5", Kind::predicts},
    {"siamese.h5", Kind::predicts},
    {"sparse-logits.h5", Kind::trains},
};

class KerasFixture : public testing::TestWithParam<std::string> {
 protected:
  std::string path(const std::string& name) const {
    return shared_file("fixtures/models/" + GetParam() + "-" + name);
  }
};

TEST_P(KerasFixture, GivesWhatKerasGives) {
  std::string expected_path = shared_file("fixtures/models/expected-" + GetParam() + ".h5");
  if (expected_path.empty()) GTEST_SKIP() << missing_shared_file("fixtures/models");
  Fixture expected(expected_path);
  for (const FileCase& file : fixture_cases) {
    std::string path = this->path(file.name), group = GetParam() + "-" + file.name;
    if (path.empty()) continue;  // not every Keras has every file; the other test counts them
    SCOPED_TRACE(group);
    if (GetParam() == "keras3" && !file.refused_of_keras3.empty()) {
      EXPECT_THAT(complaint([&] { Model::load(path); }), HasSubstr(path + ": " + file.refused_of_keras3));
      continue;
    }
    if (file.kind == Kind::refused || file.kind == Kind::weights) {
      std::string text = complaint([&] { Model::load(path); });
      EXPECT_THAT(text, HasSubstr(path + ": "));
      EXPECT_THAT(text, HasSubstr(file.kind == Kind::weights ? "holds weights alone" : file.sentence));
      if (file.kind == Kind::refused) continue;
    }
    std::string architecture = file.kind == Kind::weights ? this->path(file.sentence) : path;
    Model model = Model::load(architecture);
    if (file.kind == Kind::weights) {
      for (Parameter& parameter : model.parameters().all()) parameter.value.fill_zero();
      load_weights(model, path);
      group = GetParam() + "-" + file.sentence;
    }
    if (file.name == "catdog.keras") group = GetParam() + "-catdog.h5";  // the same model
    check_prediction(model, expected, group);
    check_written_again(model, expected, group);
    if (file.kind == Kind::predicts) {
      EXPECT_THAT(complaint([&] { Model::load(path, {.training = true}); }), HasSubstr(file.sentence));
    }
    if (file.kind == Kind::trains) {
      Model trained = Model::load(path, {.training = true});
      ASSERT_TRUE(trained.is_compiled());
      // Keras 3 cannot open its own file with the short name of a loss; tf.keras 2.15 loses the product of
      // Nadam's momenta, and multiplies it once a weight.
      if (expected.has(group + "/label_0") && group != "keras2-opt-nadam.h5")
        check_step(trained, expected, group);
    }
  }
}

TEST_P(KerasFixture, NoFileIsPassedOver) {
  fs::path folder = shared_file("fixtures/models");
  if (folder.empty()) GTEST_SKIP() << missing_shared_file("fixtures/models");
  std::set<std::string> known;
  for (const FileCase& file : fixture_cases) known.insert(GetParam() + "-" + file.name);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (std::string name = entry.path().filename(); name.starts_with(GetParam() + "-")) {
      EXPECT_TRUE(known.count(name)) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, KerasFixture, testing::Values("keras2", "keras3"),
                         [](const auto& info) { return info.param; });

const std::vector<FileCase> real_cases{
    {"keras-2.2.2-linear-adam.h5", Kind::trains},
    {"keras-3.11.3-cifar.h5", Kind::trains},
    {"keras-3.8.0-cnn.h5", Kind::trains},
    {"tfkeras-2.10.0-functional-resnet.h5", Kind::trains},
    {"tfkeras-2.12.0-weights-only.h5", Kind::weights},
    {"tfkeras-2.14.0-depthwise.h5", Kind::predicts},
    {"tfkeras-2.2.4-catdog-softmax.h5", Kind::trains},
    {"tfkeras-2.3.0-catvsdog.h5", Kind::trains},
    {"tfkeras-2.4.0-resnet8.h5", Kind::trains},
};

/// The input that the references were computed with.
Tensor reference_input(const Shape& shape) {
  std::vector<float> values(shape.elements());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(static_cast<uint32_t>(i * uint64_t{2654435761}) / 4294967296.0);
  return Tensor::from(values, shape);
}

/// Each optimizer slot's sum, by the file's order of slots: m of all, v of all; or interleaved.
void check_slots(const Model& model, const nlohmann::json& reference) {
  std::map<std::string, double> sums;  // of all slots of one kind, whatever their order
  for (const Optimizer::Slot& slot : model.optimizer().slots())
    for (float value : slot.values.to_vector<float>()) sums[slot.name] += value;
  std::map<std::string, double> wanted;
  for (const nlohmann::json& entry : reference.at("optimizer_weights")) {
    std::string name = entry.at(0);
    if (entry.at(1).empty()) continue;
    bool second = name.ends_with("/v:0") || name.ends_with("_velocity");
    wanted[second ? "v" : name.ends_with("/rms:0") ? "rms" : "m"] += entry.at(3).get<double>();
  }
  for (const auto& [slot, sum] : wanted) EXPECT_NEAR(sums[slot], sum, 1e-4 * (1 + std::abs(sum))) << slot;
}

TEST(RealKerasFiles, GiveWhatTheReferenceGives) {
  std::string reference_path = shared_file("keras_h5/reference.json");
  if (reference_path.empty()) GTEST_SKIP() << missing_shared_file("keras_h5");
  nlohmann::json references = nlohmann::json::parse(std::ifstream(reference_path));
  for (const FileCase& file : real_cases) {
    SCOPED_TRACE(file.name);
    std::string path = shared_file("keras_h5/" + file.name);
    ASSERT_FALSE(path.empty());
    const nlohmann::json& reference = references.at(file.name);
    if (file.kind == Kind::refused || file.kind == Kind::weights) {
      std::string text = complaint([&] { Model::load(path); });
      EXPECT_THAT(text, HasSubstr(file.kind == Kind::weights ? "holds weights alone" : file.sentence));
      continue;
    }
    Model model = Model::load(path);
    std::vector<int64_t> lengths = reference.at("input_shape");
    std::vector<float> output = model.forward(reference_input(Shape(lengths))).to_vector<float>();
    TemporaryFolder folder;
    for (const char* name : {"again.h5", "again.keras"}) {
      model.save(folder / name);
      Model again = Model::load(folder / name);
      EXPECT_EQ(again.forward(reference_input(Shape(lengths))).to_vector<float>(), output) << name;
    }
    std::vector<double> wanted = reference.at("output_first");
    for (size_t i = 0; i < wanted.size() && i < output.size(); ++i) EXPECT_NEAR(output[i], wanted[i], 1e-5);
    if (file.kind == Kind::predicts) {
      EXPECT_THAT(complaint([&] { Model::load(path, {.training = true}); }), HasSubstr(file.sentence));
    }
    if (file.kind == Kind::trains && file.name != "keras-2.2.2-linear-adam.h5")
      check_slots(Model::load(path, {.training = true}), reference);
  }
}

TEST(RealKerasFiles, WeightsAloneGoIntoAModel) {
  std::string path = shared_file("keras_h5/tfkeras-2.12.0-weights-only.h5");
  if (path.empty()) GTEST_SKIP() << missing_shared_file("keras_h5");
  Sequential model({28, 28, 1});
  model.add(Conv2D{.filters = 8, .kernel_size = 3});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 10});
  load_weights(model, path);
  double sum = 0;
  for (float value : model.parameters().at("dense/kernel").value.to_vector<float>()) sum += value;
  EXPECT_NEAR(sum, -96.55674419604111, 1e-4);
  Sequential other({28, 28, 1});
  other.add(Flatten{});
  other.add(Dense{.units = 10});
  EXPECT_THAT(complaint([&] { load_weights(other, path); }),
              HasSubstr("has weights for 2 layers, but the model has 1 layers with weights"));
  Sequential narrow({28, 28, 1});
  narrow.add(Conv2D{.filters = 4, .kernel_size = 3});
  narrow.add(MaxPooling2D{.pool_size = 2});
  narrow.add(Flatten{});
  narrow.add(Dense{.units = 10});
  EXPECT_THAT(complaint([&] { load_weights(narrow, path); }),
              HasSubstr("conv2d/kernel:0: has shape [3, 3, 1, 8], but conv2d/kernel needs [3, 3, 1, 4]"));
}

TEST(RealKerasFiles, NoneIsPassedOver) {
  fs::path folder = shared_file("keras_h5");
  if (folder.empty()) GTEST_SKIP() << missing_shared_file("keras_h5");
  std::set<std::string> known;
  for (const FileCase& file : real_cases) known.insert(file.name);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".h5") {
      EXPECT_TRUE(known.count(entry.path().filename())) << entry.path();
    }
  }
}

}  // namespace
}  // namespace manul
