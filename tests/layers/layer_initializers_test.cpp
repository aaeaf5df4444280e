#include <gmock/gmock.h>

#include <cmath>

#include "manul/framework/error.h"
#include "manul/framework/initializers/initializers.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/keras/h5.h"

// What a layer's weights are drawn with, by code and by files.
namespace manul {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<double> values_of(const Parameter& parameter) {
  return parameter.value.to(Device::cpu()).to_vector<double>();
}

double deviation_of(const Parameter& parameter) {
  double squares = 0;
  std::vector<double> values = values_of(parameter);
  for (double value : values) squares += value * value;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

Sequential network(const LayerPtr& layer, const Shape& input) {
  Sequential model(input);
  model.add(layer);
  return model;
}

TEST(LayerInitializers, CodeSetsThemBeforeTheModelIsBuilt) {
  LayerPtr dense = Dense{.units = 200};
  dense->initialize("kernel", HeNormal{.seed = 7});
  dense->initialize("bias", Constant{.value = 0.5});
  Sequential model = network(dense, {100});
  model.build({.dtype = DType::f64});
  EXPECT_NEAR(deviation_of(*dense->parameters()[0]), std::sqrt(2.0 / 100), 0.01);
  EXPECT_EQ(values_of(*dense->parameters()[1]), std::vector<double>(200, 0.5));
  EXPECT_THAT([&] { dense->initialize("kernel", "zeros"); },
              ThrowsMessage<Error>(HasSubstr("kernel has its values already")));
  EXPECT_THAT([&] { dense->initialize("gamma", "zeros"); },
              ThrowsMessage<Error>(HasSubstr("it has no weight gamma")));
}

/// The layer knows fans that the shape in memory does not show: filters come first.
TEST(LayerInitializers, FansAreTheLayers) {
  LayerPtr conv = Conv2D{.filters = 64, .kernel_size = 3};
  conv->initialize("kernel", "lecun_uniform");
  Sequential model = network(conv, {8, 8, 50});
  conv->initialize("kernel", "he_uniform");  // after it knows its weights, before they have values
  model.build({.dtype = DType::f64});
  EXPECT_NEAR(deviation_of(*conv->parameters()[0]), std::sqrt(2.0 / (9 * 50)), 0.001);
}

/// An architecture without weights trains from what it says.
TEST(LayerInitializers, FilesSayThem) {
  LayerPtr depthwise = DepthwiseConv2D{.kernel_size = 3};
  depthwise->initialize("depthwise_kernel", "ones");
  Sequential model = network(depthwise, {8, 8, 50});
  Model again = model_from_json(to_json(model));
  again.build({.dtype = DType::f64});
  EXPECT_EQ(values_of(again.parameters().all()[0]), std::vector<double>(450, 1));

  LayerPtr read =
      make_layer("Dense", Config::map({{"name", "d"},
                                       {"units", 200},
                                       {"kernel_initializer", "he_normal"},
                                       {"bias_initializer", Config::object("Ones", Config::map())}}));
  Sequential dense = network(read, {100});
  dense.build({.dtype = DType::f64});
  EXPECT_NEAR(deviation_of(*read->parameters()[0]), std::sqrt(2.0 / 100), 0.01);
  EXPECT_EQ(values_of(*read->parameters()[1]), std::vector<double>(200, 1));
  EXPECT_EQ(read->config().at("kernel_initializer").at("class_name").as_string(), "HeNormal");
}

/// What only some versions of Keras write beside the options is not written again; what nobody knows is.
TEST(LayerInitializers, AreWrittenAsEveryKerasReadsThem) {
  Config he = Config::object("HeNormal", Config::map({{"seed", 3}, {"input_axes", nullptr}}));
  Config waves = Config::object("Mine>Waves", Config::map({{"length", 3}}));
  LayerPtr read = make_layer(
      "Dense",
      Config::map({{"name", "d"}, {"units", 2}, {"kernel_initializer", he}, {"bias_initializer", waves}}));
  Sequential model = network(read, {4});
  EXPECT_EQ(read->config().at("kernel_initializer"), Config::object("HeNormal", Config::map({{"seed", 3}})));
  EXPECT_EQ(read->config().at("bias_initializer"), waves);
  EXPECT_THAT([&] { model.build(); },
              ThrowsMessage<Error>(AllOf(HasSubstr("d/bias"), HasSubstr("Mine>Waves"))));
}

}  // namespace
}  // namespace manul
