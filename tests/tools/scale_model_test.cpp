#include "manul/tools/support/scale_model.h"

#include <gmock/gmock.h>

#include <cmath>

#include "manul/models/zoo/zoo.h"
#include "manul/tests/documentation_page.h"

// The cost model of docs/scale.md: its simulation against sums by hand and against measured steps; the tables
// of that page are what it prints.
namespace manul {
namespace {

/// H200s: data sheets (memory 4.8 TB/s, 990 and 495 TFLOP/s in bf16 and TF32, a port of 50 GB/s of which four
/// fifths), NCCL's own constants of its latencies, and sums of two GPUs as `bench_processes --sums` measured
/// them: 8.2 us, of which two hops are 6.8, and the bytes at 258 GB/s.
constexpr Fabric h200_hosts{.gpus_of_host = 8,
                            .begin = 1.4e-6,
                            .ring_hop_inside = 3.4e-6,
                            .tree_hop_inside = 4e-6,
                            .hop_between = 14e-6,
                            .bandwidth_inside = 258e9,
                            .bandwidth_between = 0.8 * 50e9};
constexpr GpuLimits bf16_limits{990e12, 4.8e12}, tf32_limits{495e12, 4.8e12};
/// How much slower the passes go on beside a sum, chosen by a ResNet-50 whose steps took 47.9 ms, and 48.3 on
/// two.
constexpr double slowed = 0.9;

struct MeasuredTraining {
  const char *label, *network;
  int side, batch;
  bool bf16;
  double one, two;  // milliseconds of a step by one GPU and by two; 0: not measured
};
constexpr MeasuredTraining trainings[] = {
    {"ResNet-50, 224 pixels, bf16", "resnet50", 224, 256, true, 34.88, 35.44},
    {"ResNet-18, 64 pixels, bf16", "resnet18", 64, 256, true, 2.567, 2.743},
    {"ResNet-18, 64 pixels, TF32", "resnet18", 64, 256, false, 3.92, 4.09},
    {"MobileNetV2, 224 pixels, bf16", "mobilenetv2", 224, 256, true, 19.2, 0}};

/// Photographs of 500x375 pixels and 24 kB, decoded and resized to 224 by one core of a server.
constexpr double decoded_by_core = 2000;
constexpr double pictures_of_imagenet = 1281167;

struct ModelledTraining : MeasuredTraining {
  Model model;
  LoneStep step(double share_of_batch = 1, int gradient_bytes = 4) const {
    auto samples = static_cast<int64_t>(std::lround(batch * share_of_batch));
    return lone_step(model, samples, one * 1e-3 * share_of_batch, bf16 ? bf16_limits : tf32_limits,
                     bf16 ? 2 : 4, gradient_bytes);
  }
  double milliseconds(int64_t gpus, double share_of_batch = 1) const {
    return 1e3 * seconds_of_step(step(share_of_batch), h200_hosts, slowed, gpus);
  }
  double milliseconds_with_bf16_sums(int64_t gpus) const {
    return 1e3 * seconds_of_step(step(1, 2), h200_hosts, slowed, gpus);
  }
  double efficiency(int64_t gpus, double share_of_batch = 1) const {
    return 100 * one * share_of_batch / milliseconds(gpus, share_of_batch);
  }
};

const std::vector<ModelledTraining>& modelled() {
  static const std::vector<ModelledTraining>* all = [] {
    auto* found = new std::vector<ModelledTraining>;
    for (const MeasuredTraining& training : trainings) {
      Model model = build_network(training.network,
                                  {.input_shape = {training.side, training.side, 3}, .classes = 1000});
      model.build();
      found->push_back({training, std::move(model)});
    }
    return found;
  }();
  return *all;
}

TEST(ScaleModel, SumsTakeHopsAndBytes) {
  Fabric fabric{.gpus_of_host = 4,
                .begin = 10,
                .ring_hop_inside = 1,
                .tree_hop_inside = 3,
                .hop_between = 100,
                .bandwidth_inside = 8,
                .bandwidth_between = 1};
  EXPECT_EQ(fabric.seconds_of_sum(16, 1), 0);
  EXPECT_EQ(fabric.seconds_of_sum(16, 2), 10 + 2 + 16 / 8.0);         // round a ring: 2 hops
  EXPECT_EQ(fabric.seconds_of_sum(16, 4), 10 + 6 + 1.5 * 16 / 8);     // 6 hops
  EXPECT_EQ(fabric.seconds_of_sum(16, 8), 10 + 218 + 1.75 * 16 / 4);  // down a tree; four ports a host
  EXPECT_EQ(fabric.seconds_of_sum(16, 128), 10 + 1018 + 2 * 127 / 128.0 * 16 / 4);
}

TEST(ScaleModel, StepsAreGoneThroughInOrder) {
  Fabric fabric{.bandwidth_inside = 1};  // a sum of two takes its bytes
  LoneStep step{.passes = 100, .update = 7, .stretches = {{40, 10}, {60, 20}, {100, 5}}};
  EXPECT_EQ(seconds_of_step(step, fabric, 0, 1), 107);
  EXPECT_EQ(seconds_of_step(step, fabric, 0, 2), 100 + 5 + 7) << "what is hidden costs nothing";
  EXPECT_EQ(seconds_of_step(step, fabric, 0.5, 2), 100 + 15 + 5 + 7) << "beside sums of 30 half is done";
  EXPECT_EQ(seconds_of_step(step, fabric, 1, 2), 100 + 35 + 7) << "nothing goes on beside a sum";
  step.stretches = {{40, 70}, {60, 20}, {100, 5}};
  EXPECT_EQ(seconds_of_step(step, fabric, 0, 2), 40 + 70 + 20 + 5 + 7) << "sums wait for each other";
}

TEST(ScaleModel, StretchesAreThoseOfTheNetwork) {
  for (const ModelledTraining& training : modelled()) {
    LoneStep step = training.step();
    double bytes = 0, last = 0;
    for (const SummedStretch& stretch : step.stretches) {
      bytes += stretch.bytes;
      EXPECT_GE(stretch.ready, last);
      last = stretch.ready;
    }
    double weights = 4.0 * static_cast<double>(training.model.parameters().trainable_count());
    EXPECT_NEAR(bytes, weights, 0.001 * weights);
    EXPECT_GT(step.stretches.front().ready, step.passes / 3);
    EXPECT_LE(last, step.passes);
    EXPECT_GT(last, 0.9 * step.passes) << "the first layer's gradient comes last";
  }
}

TEST(ScaleModel, ReproducesMeasuredSteps) {
  for (const ModelledTraining& training : modelled()) {
    if (training.two == 0) continue;
    EXPECT_NEAR(training.milliseconds(2), training.two, 0.01 * training.two) << training.label;
  }
}

/// The sums of `synchronized` normalizations, which nothing hides: two numbers a channel, on each way.
double milliseconds_of_statistics(const Model& model, int64_t gpus) {
  double seconds = 0;
  for (const LayerPtr& layer : model.graph().leaf_layers())
    if (layer->class_name() == "BatchNormalization")
      seconds += 2 * h200_hosts.seconds_of_sum(
                         2 * 4 * static_cast<double>(layer->parameters().front()->shape.elements()), gpus);
  return 1e3 * seconds;
}

double milliseconds_of_sums(const LoneStep& step, int64_t gpus) {
  double seconds = 0;
  for (const SummedStretch& stretch : step.stretches)
    seconds += h200_hosts.seconds_of_sum(stretch.bytes, gpus);
  return 1e3 * seconds;
}

TEST(ScaleModel, PrintsTheTablesOfItsPage) {
  std::string check =
      "| network | one GPU, measured | two, measured | two, by the model |\n|---|---|---|---|\n";
  std::string steps =
      "| network | one GPU | 2 | 8 | 64 | 1,024 | 1,024, sums in bf16 |\n|---|---|---|---|---|---|---|\n";
  std::string batches = "| network | 256 | 64 | 16 | 4 |\n|---|---|---|---|---|\n";
  std::string sums =
      "| network | backward pass | sums of 8, 64, 1,024 GPUs | of normalizations, 8, 64, 1,024 |\n"
      "|---|---|---|---|\n";
  std::string input =
      "| network | pictures a second, of 8 GPUs | cores that decode them | of 1,024: a batch | steps an "
      "epoch |\n"
      "|---|---|---|---|---|\n";
  for (const ModelledTraining& training : modelled()) {
    if (training.two > 0)
      check += fmt::format("| {} | {:.2f} | {:.2f} | {:.2f} |\n", training.label, training.one, training.two,
                           training.milliseconds(2));
    steps += fmt::format("| {} | {:.2f} |", training.label, training.one);
    for (int64_t gpus : {2, 8, 64, 1024})
      steps += fmt::format(" {:.2f}, {:.1f} % |", training.milliseconds(gpus), training.efficiency(gpus));
    double rounded = training.milliseconds_with_bf16_sums(1024);
    steps += fmt::format(" {:.2f}, {:.1f} % |\n", rounded, 100 * training.one / rounded);
    batches += fmt::format("| {} |", training.label);
    for (double share : {1.0, 1.0 / 4, 1.0 / 16, 1.0 / 64})
      batches += fmt::format(" {:.0f} % |", training.efficiency(1024, share));
    batches += "\n";
    LoneStep step = training.step();
    sums += fmt::format("| {} | {:.2f} |", training.label, step.passes * 2 / 3 * 1e3);
    for (int64_t gpus : {8, 64, 1024})
      sums += fmt::format("{}{:.2f}", gpus == 8 ? " " : ", ", milliseconds_of_sums(step, gpus));
    for (int64_t gpus : {8, 64, 1024})
      sums +=
          fmt::format("{}{:.2f}", gpus == 8 ? " | " : ", ", milliseconds_of_statistics(training.model, gpus));
    sums += " |\n";
    double rate = 8 * training.batch / (training.milliseconds(8) * 1e-3);
    input +=
        fmt::format("| {} | {:.0f} | {:.0f} | {} | {:.0f} |\n", training.label, rate, rate / decoded_by_core,
                    1024 * training.batch, std::ceil(pictures_of_imagenet / (1024 * training.batch)));
  }
  expect_documentation_table("scale.md", "model and measurement", check);
  expect_documentation_table("scale.md", "prediction", steps);
  expect_documentation_table("scale.md", "smaller batches", batches);
  expect_documentation_table("scale.md", "sums", sums);
  expect_documentation_table("scale.md", "input", input);
}

}  // namespace
}  // namespace manul
