#include <gtest/gtest.h>

#include <cmath>
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

const std::set<std::string> supported = {
    "Activation", "Add",       "AveragePooling2D", "BatchNormalization",     "Conv2D",
    "Dense",      "Dropout",   "Flatten",          "GlobalAveragePooling2D", "MaxPooling2D",
    "ReLU",       "Rescaling", "Softmax"};

/// Cases of supported classes with an option that is not.
const std::set<std::string> refused = {"activation_elu",
                                       "activation_exponential",
                                       "activation_gelu",
                                       "activation_hard_sigmoid",
                                       "activation_leaky_relu",
                                       "activation_log_softmax",
                                       "activation_mish",
                                       "activation_relu6",
                                       "activation_selu",
                                       "activation_silu",
                                       "activation_softplus",
                                       "activation_softsign",
                                       "activation_swish",
                                       "activation_softmax_axis1",
                                       "add_broadcast",
                                       "batchnorm_axis1",
                                       "conv2d_groups2",
                                       "conv2d_groups3_stride2",
                                       "relu_all",
                                       "relu_max_value",
                                       "relu_max_value_3",
                                       "relu_negative_slope",
                                       "relu_threshold"};

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
    // Keras 2.15 rounds 1 - momentum and Rescaling's factor to float32 in f64, too.
    bool rounded = entry.ends_with("after") || name == "rescaling";
    double tolerance = wanted.dtype() != DType::f64 ? 2e-5 : rounded ? 1e-7 : 1e-9;
    EXPECT_LE(normalised_error(seen, wanted), tolerance) << name << " " << entry;
  }
  void expect_parameter(const Tensor& seen, const std::string& name, const std::string& entry) const {
    if (has(name, entry))
      expect(Tensor::from(in_keras_layout(seen), tensor(name, entry).shape()), name, entry);
  }

  /// One call of the layer in `mode` ("" or "training_") with its gradients.
  void check_call(const std::string& name, const Layer& layer, ParameterSet& parameters,
                  const std::string& mode) const {
    std::vector<Tensor> inputs = watched_inputs(name);
    {
      Tape tape;
      Tensor output = layer.call(inputs, {.training = !mode.empty()});
      expect(output, name, mode + "output");
      tape.backward(output, tensor(name, mode + "upstream"));
    }
    for (size_t i = 0; i < inputs.size(); ++i)
      expect(inputs[i].leaf()->gradient, name, fmt::format("{}input{}_grad", mode, i));
    for (size_t i = 0; i < layer.parameters().size(); ++i) {
      const Parameter& parameter = *layer.parameters()[i];
      if (parameter.trainable)
        expect_parameter(parameter.gradient, name, fmt::format("{}weight{}_grad", mode, i));
      if (!mode.empty()) expect_parameter(parameter.value, name, fmt::format("{}weight{}_after", mode, i));
    }
    parameters.take_gradients();
  }

  void check_case(const std::string& name) const {
    std::string object = group_ + name;
    LayerPtr layer =
        make_layer(fixture_->text(object, "class_name"), parse_json(fixture_->text(object, "config")));
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
      set_from_keras_layout(layer->parameters()[i]->value,
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

TEST_F(KerasLayers, EveryCaseOfASupportedLayer) {
  int checked = 0;
  for (const std::string& name : fixture_->names(group_)) {
    if (!supported.contains(fixture_->text(group_ + name, "class_name"))) continue;
    if (refused.contains(name)) {
      EXPECT_THROW(check_case(name), Error) << name;
    } else {
      check_case(name);
      ++checked;
    }
  }
  EXPECT_EQ(checked, is_whole_ ? 56 : 51);
}

TEST_F(KerasLayers, OtherClassesAreRefusedByName) {
  for (const std::string& name : fixture_->names(group_)) {
    std::string class_name = fixture_->text(group_ + name, "class_name");
    if (supported.contains(class_name)) continue;
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
