#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/layers/layers.h"
#include "manul/models/keras/json.h"
#include "manul/testing/op_check.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/keras_layout.h"

// Layers made from Keras' own configs, against Keras: outputs, gradients, and what training does to the
// statistics. The whole collection if it is there, otherwise the part of it in the repository.
namespace manul {
namespace {

class KerasLayers : public testing::Test {
 protected:
  void SetUp() override {
    is_whole_ = !shared_file(file).empty();
    fixture_.emplace(is_whole_ ? shared_file(file) : reference_file("keras.h5"));
    if (is_whole_) return;
    group_ = "layers/";
    newer_group_ = "layers_keras3/";
  }

  /// Keras 3's value where it differs from Keras 2's.
  Tensor tensor(const std::string& name, const std::string& entry) const {
    std::string newer = newer_group_ + name + "/" + entry;
    return fixture_->tensor(fixture_->has(newer) ? newer : group_ + name + "/" + entry);
  }
  bool has(const std::string& name, const std::string& entry) const {
    return fixture_->has(group_ + name + "/" + entry);
  }

  std::vector<Tensor> watched_inputs(const std::string& name) const {
    std::vector<Tensor> inputs;
    for (int i = 0; has(name, fmt::format("input{}", i)); ++i) {
      inputs.push_back(tensor(name, fmt::format("input{}", i)));
      inputs.back().watch(Tensor::zeros(inputs.back().shape(), inputs.back().dtype()));
    }
    return inputs;
  }

  void expect(const Tensor& seen, const std::string& name, const std::string& entry) const {
    if (!has(name, entry)) return;
    Tensor wanted = tensor(name, entry);
    // Keras 2.15 rounds 1 - momentum, the factor of Rescaling, slopes, the root in gelu and pictures that it
    // resizes to float32, too.
    bool rounded = entry.ends_with("after") || name == "rescaling" || name == "upsampling_bilinear" ||
                   name.find("leaky_relu") != std::string::npos || name == "activation_gelu";
    double tolerance = wanted.dtype() != DType::f64 ? 2e-5 : rounded ? 1e-7 : 1e-9;
    EXPECT_LE(normalised_error(seen, wanted), tolerance) << name << " " << entry;
  }
  void expect_parameter(const Parameter& parameter, const Tensor& seen, const std::string& name,
                        const std::string& entry) const {
    if (has(name, entry))
      expect(Tensor::from(in_keras_layout(parameter, seen), tensor(name, entry).shape()), name, entry);
  }

  /// One call of the layer in `mode` ("" or "training_") with its gradients.
  void check_call(const std::string& name, const Layer& layer, ParameterSet& parameters,
                  const std::string& mode) const {
    std::vector<Tensor> inputs = watched_inputs(name);
    {
      Tape tape;
      Tensor output = layer.call(inputs, {.training = !mode.empty()}).at(0);
      expect(output, name, mode + "output");
      tape.backward(output, tensor(name, mode + "upstream").to(output.dtype()));
    }
    for (size_t i = 0; i < inputs.size(); ++i)
      expect(inputs[i].leaf()->gradient, name, fmt::format("{}input{}_grad", mode, i));
    for (size_t i = 0; i < layer.parameters().size(); ++i) {
      const Parameter& parameter = *layer.parameters()[i];
      if (parameter.trainable)
        expect_parameter(parameter, parameter.gradient, name, fmt::format("{}weight{}_grad", mode, i));
      if (!mode.empty())
        expect_parameter(parameter, parameter.value, name, fmt::format("{}weight{}_after", mode, i));
    }
    parameters.take_gradients();
  }

  LayerPtr layer_of(const std::string& name) const {
    std::string object = group_ + name;
    return make_layer(fixture_->text(object, "class_name"), parse_json(fixture_->text(object, "config")));
  }
  bool fixture_has(const std::string& class_name) const {
    for (const std::string& name : fixture_->names(group_))
      if (fixture_->text(group_ + name, "class_name") == class_name) return true;
    return false;
  }

  /// Why the layer cannot be had; empty if it can.
  std::string refusal(const std::string& name) const {
    try {
      std::vector<Shape> shapes;
      for (const Tensor& input : watched_inputs(name)) shapes.push_back(input.shape().sample());
      layer_of(name)->output_shapes(shapes);
      return {};
    } catch (const Error& error) {
      return error.what();
    }
  }

  void check_case(const std::string& name) const {
    LayerPtr layer = layer_of(name);
    std::vector<Shape> shapes;
    std::vector<Tensor> inputs = watched_inputs(name);
    shapes.reserve(inputs.size());
    for (const Tensor& input : inputs) shapes.push_back(input.shape().sample());
    Tensor output = tensor(name, "output");
    EXPECT_EQ(layer->output_shape(shapes), output.shape().sample()) << name;
    ParameterSet parameters;
    layer->build(shapes, parameters);
    parameters.allocate(1, output.dtype());
    for (size_t i = 0; i < layer->parameters().size(); ++i)
      set_from_keras_layout(*layer->parameters()[i],
                            tensor(name, fmt::format("weight{}", i)).to(DType::f64).to_vector<double>());
    check_call(name, *layer, parameters, "");
    if (has(name, "training_output")) check_call(name, *layer, parameters, "training_");
    Config config = layer->config();
    EXPECT_EQ(make_layer(layer->class_name(), config)->config(), config) << name;
  }

  static constexpr const char* file = "fixtures/layers.h5";
  std::optional<Fixture> fixture_;
  bool is_whole_ = true;
  std::string group_ = "keras2/", newer_group_ = "keras3/";
};

TEST_F(KerasLayers, EveryCaseOfARegisteredClassAgreesOrIsRefusedInASentence) {
  std::map<std::string, int> agreeing;
  for (const LayerClass& known : layer_classes()) agreeing[std::string(known.name)] = 0;
  int checked = 0;
  for (const std::string& name : fixture_->names(group_)) {
    std::string class_name = fixture_->text(group_ + name, "class_name");
    if (!agreeing.contains(class_name)) continue;
    if (std::string why = refusal(name); !why.empty()) {
      EXPECT_TRUE(why.find("option") != std::string::npos || why.find(" takes ") != std::string::npos ||
                  why.find(" runs over ") != std::string::npos)
          << name << ": " << why;
      continue;
    }
    check_case(name);
    ++agreeing[class_name];
    ++checked;
  }
  EXPECT_GE(checked, is_whole_ ? 101 : 51);
  if (!is_whole_) return;
  for (const auto& [class_name, cases] : agreeing)
    EXPECT_TRUE(cases > 0 || !fixture_has(class_name)) << class_name << " agrees with Keras in no case";
}

/// What the collection has not: tests/keras/make_layer_cases.py.
TEST_F(KerasLayers, EveryFurtherCaseAgrees) {
  is_whole_ = false;
  fixture_.emplace(reference_file("layer_cases.h5"));
  group_ = "layers/";
  newer_group_ = "layers_keras3/";
  for (const std::string& name : fixture_->names(group_)) {
    std::string why = refusal(name);
    EXPECT_EQ(why, "") << name;
    if (why.empty()) check_case(name);
  }
}

TEST_F(KerasLayers, OtherClassesAreRefusedByName) {
  std::set<std::string> known;
  for (const LayerClass& layer_class : layer_classes()) known.emplace(layer_class.name);
  for (const std::string& name : fixture_->names(group_)) {
    std::string class_name = fixture_->text(group_ + name, "class_name");
    if (known.contains(class_name)) continue;
    try {
      make_layer(class_name, Config::map({{"name", "strange"}}));
      ADD_FAILURE() << class_name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model_file);
      EXPECT_EQ(error.what(),
                fmt::format("layer strange: layers of the class {} are not supported", class_name));
    }
  }
}

}  // namespace
}  // namespace manul
