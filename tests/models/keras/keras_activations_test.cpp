#include <gmock/gmock.h>

#include "manul/framework/config/json.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/keras/activation_names.h"
#include "manul/models/keras/architecture.h"
#include "manul/testing/op_check.h"
#include "manul/tests/error_of.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/models/keras_checks.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Activations in files: by Keras' names, which differ by its version.
namespace manul {
namespace {

using testing::HasSubstr;

/// model_config of a Sequential of one Activation layer.
Config one_activation(const std::string& activation) {
  return parse_json(R"({"class_name": "Sequential", "config": {"name": "one", "layers": [
    {"class_name": "Activation", "config": {"name": "it", "batch_input_shape": [null, 10], "activation": )" +
                    activation + "}}]}}");
}

Model model_of(const std::string& activation, int keras_version) {
  Model model(std::move(keras::read_architecture(one_activation(activation), keras_version).graph));
  model.build();
  return model;
}

Config written_activation(const Model& model) {
  return keras::architecture_config(model.graph())
      .at("config")
      .at("layers")
      .as_list()
      .back()
      .at("config")
      .at("activation");
}

/// Each activation of the fixture in the version that computed it.
TEST(KerasActivations, GiveWhatTheFilesKerasGives) {
  Fixture file(reference_file("activations.h5"));
  int found = 0;
  for (int version : {2, 3}) {
    std::string group = "keras" + std::to_string(version);
    for (const std::string& entry : file.names(group)) {
      if (!entry.starts_with("activation_")) continue;
      std::string name = entry.substr(11);
      if (name == "elu_alpha" || name == "gelu_exact" || name == "gelu_tanh" || name == "softmax_4d")
        continue;
      SCOPED_TRACE(group + " " + name);
      Tensor x = file.tensor(group + "/" + entry + "/input0").to(DType::f32);
      Tensor wanted = file.tensor(group + "/" + entry + "/output").to(DType::f32);
      Model model = model_of('"' + name + '"', version);
      EXPECT_LE(normalised_error(model.predict(x), wanted), 1e-5);
      // What is written is read as the same function, in a file of tf.keras 2.10.
      Model again = model_of(json_text(written_activation(model)), 2);
      EXPECT_TRUE(equal_bits(again.predict(x), model.predict(x)));
      ++found;
    }
  }
  EXPECT_EQ(found, 21);
}

TEST(KerasActivations, StandInFilesByTheNameThatTheirKerasReads) {
  EXPECT_EQ(written_activation(model_of(R"("silu")", 3)), Config("swish"));
  EXPECT_EQ(written_activation(model_of(R"("hard_sigmoid")", 2)), Config("hard_sigmoid"));
  EXPECT_EQ(written_activation(model_of(R"("hard_swish")", 3)).at("config"), Config("hard_silu"));
  // Keras 2 must not take Keras 3's for its own: it knows no such module.
  Config function = written_activation(model_of(R"("hard_sigmoid")", 3));
  EXPECT_EQ(function.at("config"), Config("hard_sigmoid"));
  EXPECT_EQ(function.at("module"), Config("keras.ops"));
  EXPECT_EQ(keras::activation_by_keras_name("hard_sigmoid", 3), Config("hard_sigmoid"));
  EXPECT_EQ(written_activation(model_of(R"({"module": "builtins", "class_name": "function",
                                            "config": "relu6", "registered_name": "function"})",
                                        3)),
            Config("relu6"));
}

TEST(KerasActivations, OfAnotherVersionAreRefused) {
  auto complaint_about = [](const std::string& activation, int version) {
    return complaint([&] { model_of(activation, version); });
  };
  EXPECT_THAT(complaint_about(R"("hard_silu")", 2),
              HasSubstr("layer it: option activation: \"hard_silu\" is not an activation of Keras 2"));
  EXPECT_THAT(complaint_about(R"("gelu_tanh")", 3), HasSubstr("is not an activation of Keras 3"));
  EXPECT_THAT(complaint_about(R"("mine>gelu")", 3), HasSubstr("wants the name of an activation"));
  EXPECT_THAT(complaint_about(R"({"class_name": "Mine", "config": {}})", 3),
              HasSubstr("wants the name of an activation"));
}

TEST(KerasActivations, OfEveryKindAreSavedAndLoaded) {
  TemporaryFolder folder;
  for (Activation activation : all_activations()) {
    SCOPED_TRACE(name_of(activation));
    Sequential model({4, 4, 3});
    model.add(Conv2D{.filters = 5, .kernel_size = 3, .activation = activation});
    model.add(Flatten{});
    model.add(Dense{.units = 6, .activation = activation});
    model.build({.seed = 3});
    std::string path = folder / (name_of(activation) + ".h5");
    if (activation == Activation::gelu_tanh) {
      EXPECT_THAT(error_of([&] { model.save(path); }, ErrorKind::failed),
                  HasSubstr("gelu_tanh has no name in files of Keras"));
      continue;
    }
    model.save(path);
    Model loaded = Model::load(path);
    Tensor x = random_tensor({2, 4, 4, 3}, 5);
    EXPECT_TRUE(equal_bits(loaded.predict(x), model.predict(x)));
  }
}

}  // namespace
}  // namespace manul
