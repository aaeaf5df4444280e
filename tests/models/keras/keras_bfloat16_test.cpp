#include <gtest/gtest.h>

#include "manul/models/graph/model.h"
#include "manul/ops/optimizers/kinds/sgd.h"
#include "manul/testing/op_check.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/keras_layout.h"
#include "manul/tests/temporary_folder.h"

// Files of networks under Keras' policy mixed_bfloat16, against what real Keras computes with them (made by
// tests/models/make_bfloat16.py): predictions, and the gradients of one step of training.
namespace manul {
namespace {

constexpr double rounding = 1.0 / 512;  // of bf16, relative

struct Network {
  const char* name;
  double output_roundings, gradient_roundings;  // what they may be away from Keras' own
};
void PrintTo(const Network& network, std::ostream* out) {
  *out << network.name;
}

class MixedBfloat16 : public testing::TestWithParam<Network> {
 protected:
  Fixture expected{reference_file("bfloat16.h5")};
  std::string name = GetParam().name;

  Tensor tensor(const std::string& entry) const { return expected.tensor(name + "/" + entry); }
  std::string file(const std::string& suffix) const {
    return reference_file("models/mixed-bfloat16-" + name + "." + suffix);
  }
};

/// SGD of learning rate 1 leaves the gradients as what the weights have lost.
Model compiled(const std::string& path, Device device) {
  Model model = Model::load(path, {.device = device, .training = true});
  model.compile(SGD{{.learning_rate = 1}}, "mse");
  return model;
}

TEST_P(MixedBfloat16, PredictsAsInKeras) {
  for (Device device : test_devices())
    for (const char* suffix : {"keras", "h5"}) {
      Model model = Model::load(file(suffix), {.device = device});
      Tensor output = model.predict(tensor("x"));
      EXPECT_EQ(output.dtype(), DType::f32);
      EXPECT_LE(normalised_error(output, tensor("output")), GetParam().output_roundings * rounding)
          << suffix << " on " << device.name();
      model.set_dtype_policy(DTypePolicy::float32);
      EXPECT_GE(normalised_error(model.predict(tensor("x")), output), rounding / 16)
          << "the policy changes nothing";
    }
}

TEST_P(MixedBfloat16, HasTheGradientsOfKeras) {
  for (Device device : test_devices()) {
    Model model = compiled(file("keras"), device);
    std::vector<Tensor> before;
    for (Parameter& parameter : model.parameters().all()) {
      EXPECT_EQ(parameter.value.dtype(), DType::f32);
      before.push_back(parameter.value.to(Device::cpu()).clone());
    }
    Tensor loss = model.train_on_batch(tensor("x").to(device), tensor("labels").to(device));
    EXPECT_EQ(loss.dtype(), DType::f32);
    double wanted = expected.values(name + "/loss")[0];
    EXPECT_NEAR(double{loss.item<float>()}, wanted, GetParam().output_roundings * rounding * wanted);
    for (size_t i = 0; i < before.size(); ++i) {
      Parameter& parameter = model.parameters().all()[i];
      if (parameter.statistic) continue;
      Tensor lost = subtract(before[i], parameter.value.to(Device::cpu()));
      std::vector<double> own = in_keras_layout(parameter, lost);
      std::vector<double> theirs = expected.values(name + "/gradients/" + parameter.path);
      EXPECT_LE(
          normalised_error(Tensor::from(own, {lost.elements()}), Tensor::from(theirs, {lost.elements()})),
          GetParam().gradient_roundings * rounding)
          << parameter.path << " on " << device.name();
    }
  }
}

TEST_P(MixedBfloat16, IsWrittenBack) {
  TemporaryFolder folder;
  Model model = Model::load(file("keras"));
  Tensor output = model.predict(tensor("x"));
  for (const char* suffix : {"keras", "h5"}) {
    std::string copy = folder / (std::string("copy.") + suffix);
    model.save(copy);
    Model again = Model::load(copy);
    for (const LayerPtr& layer : again.graph().layers())
      EXPECT_EQ(layer->dtype_policy(), model.layer(layer->name())->dtype_policy()) << layer->name();
    EXPECT_TRUE(equal_bits(again.predict(tensor("x")), output)) << suffix;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, MixedBfloat16,
                         testing::Values(Network{"dense", 4, 8}, Network{"pictures", 8, 16},
                                         Network{"block", 8, 16}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(MixedBfloat16Files, ThoseOfTfKerasHaveThePolicyToo) {
  Model model = Model::load(reference_file("models/keras2-mixed-bfloat16-dense.h5"));
  EXPECT_EQ(model.layer("wide")->dtype_policy(), DTypePolicy::mixed_bfloat16);
  EXPECT_EQ(model.layer("last")->dtype_policy(), DTypePolicy::float32);
}

}  // namespace
}  // namespace manul
