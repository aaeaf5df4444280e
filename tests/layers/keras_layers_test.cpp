#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "manul/framework/config/json.h"
#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/layers/layers.h"
#include "manul/models/keras/architecture.h"
#include "manul/testing/op_check.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/keras_layout.h"

// Layers made from Keras' own configs, against Keras: outputs, gradients, and what training does to the
// statistics. Every case of the collection is a test; one whose class or option is missing fails. Where the
// collection is not there: the part of it in the repository.
namespace manul {
namespace {

struct KerasCase {
  const Fixture* fixture;
  std::string name;
  int version;  // of Keras, whose config and numbers they are
};
void PrintTo(const KerasCase& keras_case, std::ostream* out) {
  *out << keras_case.name << " of Keras " << keras_case.version;
}

/// The collection, and what it lacks.
const std::vector<Fixture>& fixtures() {
  static const auto* fixtures = [] {
    std::string whole = shared_file("fixtures/layers.h5");
    return new std::vector<Fixture>{Fixture(whole.empty() ? reference_file("keras.h5") : whole),
                                    Fixture(reference_file("more_layers.h5")),
                                    Fixture(reference_file("layer_cases.h5"))};
  }();
  return *fixtures;
}
std::string group_of(const Fixture& fixture, int version) {
  if (fixture.has("keras2")) return version == 2 ? "keras2/" : "keras3/";
  return version == 2 ? "layers/" : "layers_keras3/";
}

std::vector<KerasCase> all_cases() {
  std::vector<KerasCase> cases;
  for (const Fixture& fixture : fixtures())
    for (int version : {2, 3}) {
      std::string group = group_of(fixture, version);
      if (!fixture.has(group.substr(0, group.size() - 1))) continue;
      for (const std::string& name : fixture.names(group))
        if (fixture.has_attribute(group + name, "class_name")) cases.push_back({&fixture, name, version});
    }
  return cases;
}

class KerasLayers : public testing::TestWithParam<KerasCase> {
 protected:
  const Fixture& fixture() const { return *GetParam().fixture; }
  const std::string& name() const { return GetParam().name; }
  std::string object() const { return group_of(fixture(), GetParam().version) + name(); }
  std::string class_name() const { return fixture().text(object(), "class_name"); }
  Config config() const { return parse_json(fixture().text(object(), "config")); }

  /// Keras 3's numbers where both versions compute the same layer and differ: the moving variance.
  std::string place(const std::string& entry) const {
    std::string newer = group_of(fixture(), 3) + name() + "/" + entry;
    bool of_batch = name().starts_with("batchnorm") && fixture().has(newer);
    return of_batch ? newer : object() + "/" + entry;
  }
  Tensor tensor(const std::string& entry) const { return fixture().tensor(place(entry)); }
  /// Keras 3's part holds no inputs and weights that are Keras 2's.
  Tensor given(const std::string& entry) const {
    std::string own = object() + "/" + entry;
    return fixture().tensor(fixture().has(own) ? own : group_of(fixture(), 2) + name() + "/" + entry);
  }
  bool has(const std::string& entry) const {
    return fixture().has(object() + "/" + entry) ||
           fixture().has(group_of(fixture(), 2) + name() + "/" + entry);
  }

  std::vector<Tensor> watched_inputs() const {
    std::vector<Tensor> inputs;
    for (int i = 0; has(fmt::format("input{}", i)); ++i) {
      inputs.push_back(given(fmt::format("input{}", i)));
      inputs.back().watch(Tensor::zeros(inputs.back().shape(), inputs.back().dtype()));
    }
    return inputs;
  }

  double tolerance(const std::string& entry, DType dtype) const {
    if (dtype != DType::f64) return 2e-5;
    // Keras computes this case in f32 although it is asked for f64.
    if (name() == "upsampling_bilinear") return 1e-6;
    // It rounds RandomCrop's places, 1 - momentum, Rescaling's factor, slopes and the root in gelu to f32.
    for (const char* rounded :
         {"random_crop", "rescaling", "leaky_relu", "activation_leaky", "relu_", "activation_gelu"})
      if (name().starts_with(rounded)) return 1e-7;
    return entry.ends_with("after") ? 1e-7 : 1e-9;
  }
  void expect(const Tensor& seen, const std::string& entry) const {
    if (!has(entry)) return;
    Tensor wanted = tensor(entry);
    if (largest(wanted) < 1e-12)  // nothing but rounding: attention's gradient by the key's bias
      EXPECT_LT(largest(seen), 1e-12) << entry;
    else
      EXPECT_LE(normalised_error(seen, wanted), tolerance(entry, wanted.dtype())) << entry;
  }
  static double largest(const Tensor& x) {
    double most = 0;
    for (double value : x.to(DType::f64).to_vector<double>()) most = std::max(most, std::abs(value));
    return most;
  }
  void expect_parameter(const Parameter& parameter, const Tensor& seen, const std::string& entry) const {
    if (has(entry)) expect(Tensor::from(in_keras_layout(parameter, seen), tensor(entry).shape()), entry);
  }

  /// One call in `mode` ("" or "training_") with the gradients of the inputs.
  template <class Call>
  void check_call(const std::string& mode, const Call& call) const {
    std::vector<Tensor> inputs = watched_inputs();
    {
      Tape tape;
      Tensor output = call(inputs);
      expect(output, mode + "output");
      tape.backward(output, tensor(mode + "upstream").to(output.dtype()));
    }
    for (size_t i = 0; i < inputs.size(); ++i)
      expect(inputs[i].leaf()->gradient, fmt::format("{}input{}_grad", mode, i));
  }

  void check_layer(const Layer& layer, const std::string& mode, bool training) const {
    check_call(mode, [&](const std::vector<Tensor>& inputs) {
      return layer.call(inputs, {.training = training}).at(0);
    });
    for (size_t i = 0; i < layer.parameters().size(); ++i) {
      const Parameter& parameter = *layer.parameters()[i];
      if (parameter.trainable)
        expect_parameter(parameter, parameter.gradient, fmt::format("{}weight{}_grad", mode, i));
      if (training) expect_parameter(parameter, parameter.value, fmt::format("{}weight{}_after", mode, i));
    }
  }

  /// An activation that is called as a function, with arguments.
  void check_function() const {
    Config arguments = config();
    check_call("", [&](const std::vector<Tensor>& inputs) {
      if (name().starts_with("activation_elu")) return elu(inputs[0], arguments.at("alpha").as_double());
      if (name().starts_with("activation_gelu"))
        return gelu(inputs[0], arguments.at("approximate").as_bool());
      fail(ErrorKind::failed, "no function for {}", name());
    });
  }
};

TEST_P(KerasLayers, AgreeInInferenceAndTrainingWithGradients) {
  if (class_name() == "function") return check_function();
  std::string class_of_layer = class_name();
  Config modern = keras::modern_config(config(), class_of_layer, GetParam().version);
  std::vector<Shape> shapes;
  for (const Tensor& input : watched_inputs()) shapes.push_back(input.shape().sample());
  LayerPtr layer;
  try {
    layer = make_layer(class_of_layer, modern);
    layer->output_shapes(shapes);
  } catch (const Error& error) {
    FAIL() << error.what();
  }
  DType dtype = tensor("output").dtype();
  EXPECT_EQ(layer->output_shape(shapes), tensor("output").shape().sample());
  ParameterSet parameters;
  layer->build(shapes, parameters);
  parameters.allocate(1, dtype == DType::f64 ? DType::f64 : given("input0").dtype());
  for (size_t i = 0; i < layer->parameters().size(); ++i)
    set_from_keras_layout(*layer->parameters()[i],
                          given(fmt::format("weight{}", i)).to(DType::f64).to_vector<double>());
  check_layer(*layer, "", false);
  parameters.take_gradients();
  // Layers that draw are another matter in training; all others but BatchNormalization compute the same.
  if (!class_of_layer.starts_with("Random"))
    check_layer(*layer, has("training_output") ? "training_" : "", true);
  Config written = layer->config();
  EXPECT_EQ(make_layer(layer->class_name(), written)->config(), written);
}

INSTANTIATE_TEST_SUITE_P(Layers, KerasLayers, testing::ValuesIn(all_cases()), [](const auto& info) {
  std::string name = fmt::format("{}_keras{}", info.param.name, info.param.version);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

TEST(KerasCollection, IsWhole) {
  if (shared_file("fixtures/layers.h5").empty()) GTEST_SKIP() << missing_shared_file("fixtures/layers.h5");
  std::vector<KerasCase> cases = all_cases();
  EXPECT_EQ(std::count_if(cases.begin(), cases.end(),
                          [](const KerasCase& found) { return found.fixture == &fixtures()[0]; }),
            137);  // 133, and Keras 3 has four of its own
}

}  // namespace
}  // namespace manul
