// Convolution and pooling held against Keras' own numbers (tests/reference/README.md).

#include <nlohmann/json.hpp>

#include "manul/framework/tape.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pool/pool2d.h"
#include "manul/tests/keras_reference.h"

namespace manul {
namespace {

using Config = nlohmann::json;

/// The cases whose names begin with one of `prefixes`.
std::vector<std::string> cases(std::initializer_list<const char*> prefixes) {
  std::vector<std::string> names;
  for (const std::string& name : keras_reference().names("layers"))
    for (const char* prefix : prefixes)
      if (name.starts_with(prefix)) names.push_back(name);
  return names;
}

Config config_of(const std::string& name) {
  return Config::parse(keras_reference().text("layers/" + name, "config"));
}

std::array<int64_t, 2> pair_of(const Config& config, const char* key) {
  return {config[key][0], config[key][1]};
}

Padding padding_of(const Config& config) {
  return config["padding"] == "same" ? Padding::same : Padding::valid;
}

/// [h, w, in, out] to [out, h, w, in], or back.
Tensor permuted(const Tensor& kernel, bool to_keras) {
  const Shape& from = kernel.shape();
  int64_t inner = to_keras ? from[0] : from[0] * from[1] * from[2];
  int64_t outer = kernel.elements() / inner;
  Tensor result = Tensor::empty(
      to_keras ? Shape{from[1], from[2], from[3], from[0]} : Shape{from[3], from[0], from[1], from[2]},
      kernel.dtype());
  for (int64_t i = 0; i < inner; ++i)
    for (int64_t o = 0; o < outer; ++o)
      result.mutable_data<double>()[o * inner + i] = kernel.data<double>()[i * outer + o];
  return result;
}

constexpr double tolerance = 1e-13;
auto name_of_case = [](const auto& info) { return info.param; };

class KerasConv2D : public testing::TestWithParam<std::string> {};

TEST_P(KerasConv2D, Agrees) {
  std::string group = "layers/" + GetParam();
  Config config = config_of(GetParam());
  Tensor x = watched_reference(group + "/input0");
  Tensor kernel = permuted(keras_reference().tensor(group + "/weight0"), false);
  kernel.watch(Tensor::empty_like(kernel));
  Tensor bias = config["use_bias"] ? watched_reference(group + "/weight1") : Tensor();
  Conv2DOptions options{pair_of(config, "strides"), padding_of(config), pair_of(config, "dilation_rate")};
  Tape tape;
  Tensor y = conv2d(x, kernel, bias, options);
  if (config["activation"] == "relu") y = relu(y);
  expect_reference(y, group + "/output", tolerance);
  tape.backward(y, keras_reference().tensor(group + "/upstream"));
  expect_reference_gradient(x, group + "/input0_grad", tolerance);
  expect_reference(permuted(kernel.leaf()->gradient, true), group + "/weight0_grad", tolerance);
  if (bias.defined()) expect_reference_gradient(bias, group + "/weight1_grad", tolerance);
}

INSTANTIATE_TEST_SUITE_P(Reference, KerasConv2D, testing::ValuesIn(cases({"conv2d_"})), name_of_case);

class KerasPool2D : public testing::TestWithParam<std::string> {};

TEST_P(KerasPool2D, Agrees) {
  std::string group = "layers/" + GetParam();
  Config config = config_of(GetParam());
  Pool2DOptions options{pair_of(config, "pool_size"), pair_of(config, "strides"), padding_of(config)};
  Tensor x = watched_reference(group + "/input0");
  Tape tape;
  Tensor y = GetParam().starts_with("max") ? max_pool2d(x, options) : average_pool2d(x, options);
  expect_reference(y, group + "/output", tolerance);
  tape.backward(y, keras_reference().tensor(group + "/upstream"));
  expect_reference_gradient(x, group + "/input0_grad", tolerance);
}

INSTANTIATE_TEST_SUITE_P(Reference, KerasPool2D, testing::ValuesIn(cases({"maxpool_", "avgpool_"})),
                         name_of_case);

TEST(KerasGlobalAveragePool2D, Agrees) {
  Tensor x = watched_reference("layers/global_average/input0");
  Tape tape;
  Tensor y = global_average_pool2d(x);
  expect_reference(y, "layers/global_average/output", tolerance);
  tape.backward(y, keras_reference().tensor("layers/global_average/upstream"));
  expect_reference_gradient(x, "layers/global_average/input0_grad", tolerance);
}

}  // namespace
}  // namespace manul
