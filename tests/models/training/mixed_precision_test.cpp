#include <gmock/gmock.h>

#include <algorithm>

#include "manul/framework/cpu/parallel.h"
#include "manul/models/zoo/zoo.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Training under the policy mixed_bfloat16: it reaches what f32 reaches, repeats to the bit, and is saved.
namespace manul {
namespace {

/// A stem and two residual blocks.
Model small_resnet() {
  Graph graph;
  Symbol input = graph.input({9, 10, 2});
  auto normalized = [&](const Symbol& x, int64_t filters) {
    Symbol y = graph.apply(
        Conv2D{.filters = filters, .kernel_size = 3, .padding = Padding::same, .use_bias = false}, x);
    return graph.apply(BatchNormalization{.momentum = 0.9}, y);
  };
  Symbol x = graph.apply(ReLU{}, normalized(input, 8));
  for (int block = 0; block < 2; ++block) {
    Symbol y = normalized(graph.apply(ReLU{}, normalized(x, 8)), 8);
    x = graph.apply(ReLU{}, graph.apply(Add{}, {x, y}));
  }
  x = graph.apply(GlobalAveragePooling2D{}, graph.apply(MaxPooling2D{}, x));
  graph.set_outputs({graph.apply(Dense{.units = 1, .activation = Activation::sigmoid}, x)});
  return Model(std::move(graph));
}

struct Kind {
  const char* name;
  Model (*make)();
  int64_t epochs;
};
void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

struct Trained {
  Model model;
  std::vector<double> losses;  // of the epochs
};

Trained trained(const Kind& kind, uint64_t seed, DTypePolicy policy, Device device) {
  Trained result{kind.make(), {}};
  result.model.compile(Adam{{.learning_rate = 0.01}}, Loss::binary_crossentropy, {Metric::accuracy},
                       {.device = device, .seed = seed, .dtype_policy = policy});
  InMemoryDataset pictures = corner_pictures(96, 3, device);
  for (int64_t epoch = 0; epoch < kind.epochs; ++epoch) {
    History history = result.model.fit(pictures, {.epochs = 1, .batch_size = 16, .verbose = Verbose::none});
    result.losses.push_back(history["loss"].back());
  }
  return result;
}

class MixedPrecision : public testing::TestWithParam<Kind> {};

TEST_P(MixedPrecision, ReachesWhatF32Reaches) {
  for (Device device : test_devices()) {
    std::vector<double> wide, mixed;
    for (uint64_t seed : {1, 2, 3}) {
      wide.push_back(trained(GetParam(), seed, DTypePolicy::float32, device).losses.back());
      mixed.push_back(trained(GetParam(), seed, DTypePolicy::mixed_bfloat16, device).losses.back());
      EXPECT_NE(wide.back(), mixed.back());
    }
    // The band of f32: what the seed makes of it, and a tenth of that of a guess.
    double band = *std::max_element(wide.begin(), wide.end()) + 0.07;
    EXPECT_LT(band, 0.45) << "f32 itself learns nothing";
    EXPECT_THAT(mixed, testing::Each(testing::Le(band))) << device.name();
  }
}

TEST_P(MixedPrecision, RepeatsToTheBit) {
  Kind kind = GetParam();
  kind.epochs = 2;
  for (Device device : test_devices()) {
    cpu::set_threads(1);
    Trained first = trained(kind, 5, DTypePolicy::mixed_bfloat16, device);
    cpu::set_threads(2);
    Trained second = trained(kind, 5, DTypePolicy::mixed_bfloat16, device);
    cpu::set_threads(0);
    EXPECT_EQ(first.losses, second.losses);
    for (const Parameter& parameter : first.model.parameters().all()) {
      EXPECT_EQ(parameter.value.dtype(), DType::f32) << parameter.path;
      EXPECT_TRUE(equal_bits(parameter.value, second.model.parameters().at(parameter.path).value))
          << parameter.path << " on " << device.name();
    }
  }
}

TEST_P(MixedPrecision, KeepsItsPolicyInFilesAndGoesOn) {
  Kind kind = GetParam();
  kind.epochs = 2;
  Trained before = trained(kind, 5, DTypePolicy::mixed_bfloat16, Device::cpu());
  TemporaryFolder folder;
  before.model.save(folder / "model.keras");
  Model after = Model::load(folder / "model.keras", {.training = true});
  InMemoryDataset pictures = corner_pictures(96, 3);
  Logs logs = after.evaluate(pictures), expected = before.model.evaluate(pictures);
  EXPECT_EQ(logs, expected);
  EXPECT_TRUE(equal_bits(
      after.train_on_batch(corner_pictures(16, 4).inputs()[0], corner_pictures(16, 4).labels()[0]),
      before.model.train_on_batch(corner_pictures(16, 4).inputs()[0], corner_pictures(16, 4).labels()[0])));
}

INSTANTIATE_TEST_SUITE_P(Networks, MixedPrecision,
                         testing::Values(Kind{"article", [] { return Model(small_classifier()); }, 12},
                                         Kind{"resnet", small_resnet, 8}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(DTypePolicies, OutputsStayInF32) {
  Model model = small_resnet();
  model.build({.dtype_policy = DTypePolicy::mixed_bfloat16});
  for (const LayerPtr& layer : model.graph().layers())
    EXPECT_EQ(layer->dtype_policy(),
              layer->class_name() == "Dense" ? DTypePolicy::float32 : DTypePolicy::mixed_bfloat16)
        << layer->name();
  Tensor x = random_tensor({2, 9, 10, 2}, 1), mixed = model.predict(x);
  EXPECT_EQ(mixed.dtype(), DType::f32);
  model.set_dtype_policy(DTypePolicy::float32);
  Tensor wide = model.predict(x);
  EXPECT_NE(normalised_error(mixed, wide), 0);
  EXPECT_LE(normalised_error(mixed, wide), 0.02);
}

TEST(DTypePolicies, IndicesAreNotRounded) {
  Sequential model({1});
  model.add(Embedding{.input_dim = 1000, .output_dim = 3});
  model.add(Flatten{});
  model.add(Dense{.units = 2});
  model.build({.dtype_policy = DTypePolicy::mixed_bfloat16});
  Tensor rows = model.predict(Tensor::from(std::vector<float>{998, 999}, {2, 1}));
  std::vector<float> values = rows.to_vector<float>();
  EXPECT_NE(values[0], values[2]) << "both are 1000 in bf16, and no row of the table";
}

}  // namespace
}  // namespace manul
