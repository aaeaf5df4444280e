#include "manul/tools/programs/bench_networks.h"
#include "manul/tools/programs/bench_rows.h"

namespace manul {
namespace {

enum class Precision { f32, tf32, bf16 };

const char* suffix_of(Precision precision) {
  return precision == Precision::tf32 ? "/tf32" : precision == Precision::bf16 ? "/bf16" : "";
}

DTypePolicy policy_of(Precision precision) {
  return precision == Precision::bf16 ? DTypePolicy::mixed_bfloat16 : DTypePolicy::float32;
}

std::string name_of_row(const char* what, const BenchNetwork& network, int64_t batch, int64_t side,
                        Device device, Precision precision) {
  return fmt::format("{}/{}/batch:{}/side:{}/device:{}{}", what, network.name, batch, side, device.name(),
                     suffix_of(precision));
}

/// Calls work() with the precision of matrix products that a row asks for, and notes what tensors take.
template <class Work>
void in_precision(benchmark::State& state, Device device, Precision precision, Work&& work) {
  allow_tf32(precision != Precision::f32);  // also of what mixed precision keeps in f32
  size_t before = memory_use(device).current;
  reset_peak_memory(device);
  work();
  state.counters["peak_MiB"] = static_cast<double>((memory_use(device).peak - before) >> 20);
  allow_tf32(false);
}

/// A training step with Adam.
void add_step(const BenchNetwork& network, int64_t batch, int64_t side, Device device, Precision precision,
              bool checkpoint = false) {
  std::string name = name_of_row("network_step", network, batch, side, device, precision);
  if (checkpoint) name += "/checkpoint";
  add_row(name, benchmark::kMillisecond, [=, build = network.build](benchmark::State& state) {
    in_precision(state, device, precision, [&] {
      Model model = build(side);
      model.compile(Adam{}, Loss::sparse_categorical_crossentropy, {},
                    {.device = device, .dtype_policy = policy_of(precision), .checkpoint = checkpoint});
      measure_train_step(state, model, batch, side, device);
    });
  });
}

/// Model::predict of a batch that lies on the device.
void add_predict(const BenchNetwork& network, int64_t batch, int64_t side, Device device,
                 Precision precision) {
  add_row(name_of_row("network_predict", network, batch, side, device, precision), benchmark::kMillisecond,
          [=, build = network.build](benchmark::State& state) {
            in_precision(state, device, precision, [&] {
              Model model = build(side);
              model.build({.device = device, .gradients = false, .dtype_policy = policy_of(precision)});
              Tensor inputs = test_values({batch, side, side, 3}, 1, DType::f32, device, 0, 1);
              measure(state, device,
                      [&] { benchmark::DoNotOptimize(model.predict(inputs, batch).raw_data()); });
              state.SetItemsProcessed(state.iterations() * batch);
            });
          });
}

void add_rows_of_a_gpu(const BenchNetwork& network, Device device, Precision precision) {
  add_step(network, network.batch, network.side, device, precision);
  add_step(network, network.batch, network.side, device, precision, true);
  for (int64_t batch : {network.batch, int64_t{1}})
    add_predict(network, batch, network.side, device, precision);
}

}  // namespace

void measure_train_step(benchmark::State& state, Model& model, int64_t batch, int64_t side, Device device,
                        int64_t steps) {
  Tensor inputs = test_values({batch, side, side, 3}, 1, DType::f32, device, 0, 1);
  const Shape& output = model.graph().nodes()[model.graph().outputs()[0]].shape;
  // A class for each picture, or for each pixel.
  Shape shape = output.rank() == 3 ? Shape{batch, output[0], output[1]} : Shape{batch};
  std::vector<int32_t> classes(shape.elements());
  for (size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<int32_t>(i % 2);
  Tensor labels = Tensor::from(classes, shape, device);
  TrainStep step([&] { model.train_on_batch(inputs, labels); }, device);
  measure(
      state, device, [&] { step.run(0, steps); }, steps);
  state.SetItemsProcessed(state.iterations() * batch);
}

void add_network_rows(Device device) {
  constexpr int64_t small = 64, batch = 32;
  for (const BenchNetwork& network : bench_networks()) {
    add_step(network, batch, small, device, Precision::f32);
    add_step(network, batch, small, device, Precision::f32, true);
    add_predict(network, batch, small, device, Precision::f32);
    add_predict(network, 1, network.side, device, Precision::f32);
  }
  if (!device.is_cuda()) return;
  for (Precision precision : {Precision::f32, Precision::tf32, Precision::bf16})
    for (const BenchNetwork& network : bench_networks()) {
      if (std::string_view(network.name) == "resnet18") {
        add_step(network, 256, small, device, precision);
        if (precision != Precision::f32) add_step(network, batch, small, device, precision);
      }
      add_rows_of_a_gpu(network, device, precision);
    }
}

}  // namespace manul
