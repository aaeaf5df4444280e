#include "manul/ops/pointwise/activation.h"

#include <cmath>

#include "manul/framework/tape.h"
#include "manul/ops/dense/dense_activation.h"
#include "manul/ops/dense/matmul.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/testing/op_check.h"
#include "manul/tests/fixtures.h"

namespace manul {
namespace {

const Fixture& keras_activations() {
  static const Fixture fixture(reference_file("activations.h5"));
  return fixture;
}

struct ActivationOfKeras {
  std::string name;  // in the fixture
  std::function<Tensor(const Tensor&)> function;
  double relative = 1e-12;
};
void PrintTo(const ActivationOfKeras& keras, std::ostream* out) {
  *out << keras.name;
}

/// Each element relative to itself, so that tails count.
void expect_elements(const Tensor& seen, const std::vector<double>& wanted, double relative,
                     const std::string& what) {
  std::vector<double> values = seen.to_vector<double>();
  ASSERT_EQ(values.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(values[i], wanted[i], relative * std::abs(wanted[i]) + 1e-15) << what << ", element " << i;
}

void expect_keras(const ActivationOfKeras& keras) {
  const Fixture& file = keras_activations();
  Tensor x = file.tensor(keras.name + "/input0");
  x.watch(Tensor::empty_like(x));
  Tape tape;
  Tensor y = keras.function(x);
  expect_elements(y, file.values(keras.name + "/output"), keras.relative, "value");
  tape.backward(y, file.tensor(keras.name + "/upstream"));
  expect_elements(x.leaf()->gradient, file.values(keras.name + "/input0_grad"), keras.relative, "gradient");
}

// gelu and slopes are exact to f32 in Keras (an f32 sqrt(2), f32 attributes).
double tolerance_of(const std::string& name) {
  bool rounded = name.find("gelu") != std::string::npos || name.find("leaky") != std::string::npos;
  return rounded ? 1e-6 : 1e-11;
}

/// Every name in the fixture, in the version that computed it: none may be unknown.
TEST(Activations, AreKerasByNameInBothVersions) {
  int found = 0;
  for (int version : {2, 3}) {
    std::string group = "keras" + std::to_string(version);
    for (const std::string& name : keras_activations().names(group)) {
      std::string activation = name.substr(0, 11) == "activation_" ? name.substr(11) : "";
      bool has_options = activation == "elu_alpha" || activation == "gelu_exact" ||
                         activation == "gelu_tanh" || activation == "softmax_4d";
      if (activation.empty() || has_options) continue;
      SCOPED_TRACE(group + " " + activation);
      auto which = find_activation(activation, version);
      ASSERT_TRUE(which.has_value());
      EXPECT_TRUE(keras_name(*which, version).has_value());
      expect_keras(
          {group + "/" + name, [=](const Tensor& x) { return activate(x, *which); }, tolerance_of(name)});
      ++found;
    }
  }
  EXPECT_EQ(found, 21);
}

class KerasFunction : public testing::TestWithParam<ActivationOfKeras> {};
TEST_P(KerasFunction, AgreesElementByElement) {
  expect_keras(GetParam());
}
Tensor relu_of(const Tensor& x, const ReluOptions& options) {
  return relu(x, options);
}
const ActivationOfKeras keras_cases[] = {
    {"keras2/activation_gelu_exact", [](const Tensor& x) { return gelu(x); }, 1e-6},
    {"keras2/activation_gelu_tanh", [](const Tensor& x) { return gelu(x, true); }, 1e-6},
    {"keras2/activation_elu_alpha", [](const Tensor& x) { return elu(x, 0.3); }},
    {"keras2/activation_softmax_4d", [](const Tensor& x) { return softmax(x); }},
    {"keras2/elu_layer", [](const Tensor& x) { return elu(x, 0.7); }},
    {"keras2/leaky_relu_0.1", [](const Tensor& x) { return leaky_relu(x, 0.1); }, 1e-6},
    {"keras2/leaky_relu_default", [](const Tensor& x) { return leaky_relu(x, 0.3); }, 1e-6},
    {"keras2/relu_layer", [](const Tensor& x) { return relu(x); }},
    {"keras2/relu_max_value", [](const Tensor& x) { return relu_of(x, {.max_value = 6}); }},
    {"keras2/relu_max_value_3", [](const Tensor& x) { return relu_of(x, {.max_value = 3}); }},
    {"keras2/relu_threshold", [](const Tensor& x) { return relu_of(x, {.threshold = 1.5}); }},
    {"keras2/relu_negative_slope", [](const Tensor& x) { return relu_of(x, {.negative_slope = 0.2}); }, 1e-6},
    {"keras2/relu_all",
     [](const Tensor& x) { return relu_of(x, {.max_value = 3.5, .negative_slope = 0.1, .threshold = 0.75}); },
     1e-6},
};
INSTANTIATE_TEST_SUITE_P(Pointwise, KerasFunction, testing::ValuesIn(keras_cases), [](const auto& info) {
  std::string name = info.param.name.substr(7);
  for (char& letter : name)
    if (!std::isalnum(static_cast<unsigned char>(letter))) letter = '_';
  return name;
});

/// A dense with any activation is the dense followed by it, values and gradients: none is fused that cannot
/// be.
TEST(Activations, OfADenseGiveTheGradientsOfTheOpBehindIt) {
  std::vector<Device> devices{Device::cpu()};
  if (test_gpu()) devices.push_back(*test_gpu());
  for (Device device : devices)
    for (DType dtype : {DType::f64, DType::f32})
      for (Activation activation : all_activations()) {
        SCOPED_TRACE(name_of(activation) + " " + device.name());
        Tensor outputs[2], gradients[2][3];
        for (int apart : {0, 1}) {
          Tensor x = test_values({5, 12}, 1, dtype, device, -2, 2),
                 kernel = test_values({12, 16}, 2, dtype, device), bias = test_values({16}, 3, dtype, device);
          for (const Tensor& leaf : {x, kernel, bias}) leaf.watch(Tensor::empty_like(leaf));
          Tape tape;
          outputs[apart] =
              apart ? activate(dense(x, kernel, bias), activation) : dense(x, kernel, bias, activation);
          tape.backward(outputs[apart], test_values({5, 16}, 4, dtype, device));
          int i = 0;
          for (const Tensor& leaf : {x, kernel, bias}) gradients[apart][i++] = leaf.leaf()->gradient;
        }
        double tolerance = dtype == DType::f64 ? 1e-14 : 2e-6;
        EXPECT_LE(normalised_error(outputs[0], outputs[1]), tolerance);
        for (int i = 0; i < 3; ++i) EXPECT_LE(normalised_error(gradients[0][i], gradients[1][i]), tolerance);
      }
}

TEST(Activations, WithoutTheirDerivativeFromTheOutputAreNotFused) {
  EXPECT_TRUE(is_fused_in_dense(Activation::relu));
  for (Activation activation : {Activation::gelu, Activation::silu, Activation::softmax})
    EXPECT_FALSE(is_fused_in_dense(activation));
  Tensor x = Tensor::zeros({2, 3}), kernel = Tensor::zeros({3, 4}), y = Tensor::zeros({2, 4});
  check_error({"gelu", [&] { visit_fused<float>(Activation::gelu, [](auto) {}); },
               "dense: the activation gelu is not computed by its kernels"});
}

TEST(Activations, HaveNamesThatFindThem) {
  for (Activation activation : all_activations()) {
    EXPECT_EQ(find_activation(name_of(activation)), activation);
    for (int version : {2, 3})
      if (auto name = keras_name(activation, version)) {
        EXPECT_EQ(find_activation(*name, version), activation);
      }
  }
  EXPECT_EQ(find_activation("hard_sigmoid", 2), Activation::hard_sigmoid_keras2);
  EXPECT_EQ(find_activation("hard_sigmoid", 3), Activation::hard_sigmoid);
  EXPECT_EQ(find_activation("swish", 2), Activation::silu);
  EXPECT_EQ(keras_name(Activation::silu, 2), "swish");
  EXPECT_EQ(keras_name(Activation::silu, 3), "silu");
  EXPECT_FALSE(keras_name(Activation::gelu_tanh, 3).has_value());
  EXPECT_FALSE(find_activation("hard_silu", 2).has_value());
  EXPECT_FALSE(find_activation("", 2).has_value());
  EXPECT_FALSE(find_activation("reluu", 3).has_value());
}

}  // namespace
}  // namespace manul
