#include <gtest/gtest.h>

#include "manul/models/zoo/zoo.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"

namespace manul {
namespace {

struct CheckpointRun {
  Tensor values, statistics, loss;
};

CheckpointRun checkpoint_run(const std::string& name, int64_t side, bool checkpoint, Device device,
                             DTypePolicy policy = DTypePolicy::float32) {
  Model model = build_network(name, {.input_shape = {side, side, 3}, .classes = 10});
  model.compile(Adam{}, Loss::sparse_categorical_crossentropy, {},
                {.device = device, .seed = 5, .dtype_policy = policy, .checkpoint = checkpoint});
  Tensor x = random_tensor({4, side, side, 3}, 1).to(device);
  const Shape& output = model.graph().nodes()[model.graph().outputs()[0]].shape;
  Shape shape = output.rank() == 3 ? Shape{4, output[0], output[1]} : Shape{4};
  std::vector<int32_t> classes(shape.elements());
  for (size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<int32_t>(i % 10);
  Tensor labels = Tensor::from(classes, shape, device), loss;
  for (int i = 0; i < 3; ++i) loss = model.train_on_batch(x, labels);
  return {model.parameters().values().clone(), model.parameters().statistics().clone(), loss};
}

struct Case {
  std::string name;
  int64_t side;
};
class CheckpointedNetwork : public testing::TestWithParam<Case> {};

/// Normalizations, dropouts, skips: the same numbers to the bit, moving statistics among them.
TEST_P(CheckpointedNetwork, TrainsToTheSameBits) {
  for (Device device : test_devices())
    for (DTypePolicy policy : {DTypePolicy::float32, DTypePolicy::mixed_bfloat16}) {
      if (policy == DTypePolicy::mixed_bfloat16 && GetParam().name != "resnet18") continue;
      CheckpointRun plain = checkpoint_run(GetParam().name, GetParam().side, false, device, policy);
      CheckpointRun again = checkpoint_run(GetParam().name, GetParam().side, true, device, policy);
      EXPECT_TRUE(equal_bits(plain.loss, again.loss)) << name_of(policy);
      EXPECT_TRUE(equal_bits(plain.values, again.values)) << name_of(policy);
      EXPECT_TRUE(equal_bits(plain.statistics, again.statistics)) << name_of(policy);
    }
}
INSTANTIATE_TEST_SUITE_P(Zoo, CheckpointedNetwork,
                         testing::Values(Case{"resnet18", 32}, Case{"mobilenetv2", 32},
                                         Case{"efficientnetb0", 32}, Case{"unet", 32}, Case{"vit", 24},
                                         Case{"convnexttiny", 32}),
                         [](const auto& info) { return info.param.name; });

/// Two outputs, one of them from the middle, and a regularizer of activities, which must count once.
Model with_two_outputs() {
  Graph graph;
  Symbol x = graph.input({8, 8, 3});
  auto block = [&](Symbol y, int64_t filters) {
    y = graph.apply(Conv2D{.filters = filters, .kernel_size = 3, .padding = Padding::same}, y);
    return graph.apply(ReLU{}, graph.apply(BatchNormalization{.momentum = 0.9}, y));
  };
  for (int i = 0; i < 3; ++i) x = graph.apply(Dropout{.rate = 0.3}, block(x, 8));
  Symbol early = graph.apply(Dense{.units = 2, .activation = Activation::softmax, .name = "early"},
                             graph.apply(GlobalAveragePooling2D{}, x));
  x = graph.apply(ActivityRegularization{.l2 = 0.01}, x);
  for (int i = 0; i < 3; ++i) x = graph.apply(Add{}, {x, block(block(x, 8), 8)});
  Symbol late = graph.apply(Dense{.units = 2, .activation = Activation::softmax, .name = "late"},
                            graph.apply(GlobalAveragePooling2D{}, x));
  graph.set_outputs({early, late});
  return Model(graph);
}

TEST(CheckpointedModel, WithSeveralOutputsAndActivityLosses) {
  auto trained = [](bool checkpoint) {
    Model model = with_two_outputs();
    model.compile(SGD{{.learning_rate = 0.1}},
                  {Loss::sparse_categorical_crossentropy, Loss::sparse_categorical_crossentropy}, {},
                  {.seed = 5, .checkpoint = checkpoint});
    Tensor x = random_tensor({6, 8, 8, 3}, 1);
    Tensor labels = Tensor::from(std::vector<int32_t>{0, 1, 0, 1, 1, 0}, {6});
    model.fit(x, {labels, labels}, {.epochs = 3, .batch_size = 3, .verbose = Verbose::none});
    return model.parameters().values().clone();
  };
  EXPECT_TRUE(equal_bits(trained(false), trained(true)));
}

TEST(CheckpointedModel, MayChangeItsMindWhenCompiledAgain) {
  Model model = with_two_outputs();
  Tensor x = random_tensor({6, 8, 8, 3}, 1);
  Tensor labels = Tensor::from(std::vector<int32_t>{0, 1, 0, 1, 1, 0}, {6});
  for (bool checkpoint : {true, false, true}) {
    model.compile(SGD{}, Loss::sparse_categorical_crossentropy, {}, {.checkpoint = checkpoint});
    model.train_on_batch(x, {labels, labels});
  }
}

/// Bytes of tensors that a training step takes at most besides what is there before and after it.
size_t peak_of_step(const std::string& name, int64_t side, int64_t batch, const CompileOptions& options) {
  Model model = build_network(name, {.input_shape = {side, side, 3}, .classes = 10});
  model.compile(Adam{}, Loss::sparse_categorical_crossentropy, {}, options);
  Tensor x = random_tensor({batch, side, side, 3}, 1);
  std::vector<int32_t> classes(batch);
  Tensor labels = Tensor::from(classes, {batch});
  model.train_on_batch(x, labels);
  size_t before = memory_use(Device::cpu()).current;
  reset_peak_memory(Device::cpu());
  model.train_on_batch(x, labels);
  return memory_use(Device::cpu()).peak - before;
}

/// Of a step that keeps what each layer makes; one whose normalizations keep no outputs takes less itself.
TEST(CheckpointedModel, TakesAThirdOfTheMemory) {
  auto peak = [](const CompileOptions& options) { return peak_of_step("resnet50", 64, 8, options); };
  size_t apart = peak({.fusion = {.normalization_tail = false}}), plain = peak({}),
         again = peak({.checkpoint = true});
  RecordProperty("apart_KiB", static_cast<int>(apart >> 10));
  RecordProperty("plain_KiB", static_cast<int>(plain >> 10));
  RecordProperty("checkpoint_KiB", static_cast<int>(again >> 10));
  EXPECT_LT(again, apart / 3);
  EXPECT_LT(again, plain * 2 / 5);
}

}  // namespace
}  // namespace manul
