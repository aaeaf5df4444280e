#include <algorithm>
#include <vector>

#include "manul/data/datasets/gather_rows.h"
#include "manul/framework/distributed/communicator.h"
#include "manul/framework/memory.h"
#include "manul/framework/stopwatch.h"
#include "manul/models/training/callbacks/lambda_callback.h"
#include "manul/models/zoo/catdog.h"
#include "manul/models/zoo/zoo.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/terminal.h"

// Times fit() as users call it, by the processes that mpirun started: the median of what a step takes.
namespace manul {
namespace {

struct Case {
  std::string network = "catdog";
  int64_t batch = 32;  // of each process
  int64_t side = 64;
  double seconds = 5;
  bool bf16 = false, bf16_sums = false;
  bool sums = false;
};

constexpr int64_t steps_at_once = 10;

Model compiled(const Case& what, Device device) {
  CompileOptions options{.device = device, .bf16_sums = what.bf16_sums};
  if (what.bf16) options.dtype_policy = DTypePolicy::mixed_bfloat16;
  Model model =
      what.network == "catdog"
          ? catdog_network({})
          : build_network(what.network, {.input_shape = {what.side, what.side, 3}, .classes = 1000});
  Loss loss = what.network == "catdog" ? catdog_loss({}) : Loss::sparse_categorical_crossentropy;
  model.compile(Adam{}, loss, {"accuracy"}, options);
  return model;
}

/// A few pictures that stand in an epoch many times: one is as long as the measurement.
class Repeated : public Dataset {
 public:
  Repeated(int64_t samples, int64_t side, Device device) : samples_(samples) {
    std::vector<uint8_t> pixels(static_cast<size_t>(few * side * side * 3));
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>((i * 2654435761U) >> 13);
    std::vector<int32_t> labels(few);
    for (int32_t i = 0; i < few; ++i) labels[static_cast<size_t>(i)] = i % 2;
    pictures_ = Tensor::from(pixels, {few, side, side, 3}).to(device);
    labels_ = Tensor::from(labels, {few}).to(device);
  }
  int64_t size() const override { return samples_; }
  BatchSpec spec() const override {
    return {{{pictures_.shape().sample(), DType::f32}}, {{{}, DType::i32}}, {}};
  }
  bool is_resident() const override { return true; }

 protected:
  void set_order(const std::vector<int32_t>& order) override {
    std::vector<int32_t> rows;
    for (int32_t sample : order) rows.push_back(sample % few);
    rows_ = Tensor::from(rows, {static_cast<int64_t>(rows.size())}).to(pictures_.device());
  }
  void fill(const DeviceStepState& state, const Batch& batch) override {
    gather_rows(state.tensor(), rows_, pictures_, batch.inputs[0]);
    gather_rows(state.tensor(), rows_, labels_, batch.labels[0]);
  }

 private:
  static constexpr int32_t few = 512;
  int64_t samples_;
  Tensor pictures_, labels_, rows_;
};

/// Milliseconds a step, execution by execution.
std::vector<double> times_of(const Case& what, Device device) {
  Model model = compiled(what, device);
  int64_t batch = what.batch * processes().size();
  constexpr int64_t most_executions = 200;
  Repeated data(batch * steps_at_once * most_executions, what.side, device);
  std::vector<double> times;
  Stopwatch all, since;
  LambdaCallback clock({.on_step_end = [&](FitProgress& fit) {
    synchronize(device);
    times.push_back(since.seconds() * 1e3 / steps_at_once);
    if (all.seconds() > what.seconds && times.size() > 5) fit.stop(StopReason::requested);
    since = {};
  }});
  model.fit(data, {.batch_size = batch,
                   .steps_per_execution = steps_at_once,
                   .callbacks = {&clock},
                   .verbose = Verbose::none});
  times.erase(times.begin(), times.begin() + 3);  // plans are chosen, the step is captured
  return times;
}

/// The median time of a sum of so many bytes in f32, in seconds: of many, one behind the other.
double seconds_of_sum(int64_t bytes, Device device) {
  constexpr int rounds = 9;
  const Communicator& all = processes();
  Tensor values = Tensor::zeros({bytes / static_cast<int64_t>(sizeof(float))}, DType::f32, device);
  int64_t count = std::clamp<int64_t>((int64_t{256} << 20) / bytes, 4, 200);
  auto sum_all = [&] {
    for (int64_t i = 0; i < count; ++i) all.begin_sum(values);
    all.finish_sums();
    synchronize(device);
  };
  sum_all();
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    all.barrier();
    Stopwatch watch;
    sum_all();
    times.push_back(watch.seconds() / static_cast<double>(count));
  }
  std::ranges::sort(times);
  return times[rounds / 2];
}

/// Prints what sums take by size, and the line begin + bytes / bandwidth that has the least relative errors
/// squared.
void time_sums(Device device) {
  const Communicator& all = processes();
  double weights = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (int64_t bytes = int64_t{64} << 10; bytes <= int64_t{256} << 20; bytes *= 2) {
    double seconds = seconds_of_sum(bytes, device), size = static_cast<double>(bytes);
    double weight = 1 / (seconds * seconds);
    weights += weight, x += weight * size, y += weight * seconds;
    xx += weight * size * size, xy += weight * size * seconds;
    if (all.is_first())
      print_result("{:>7} KiB: {:9.1f} us, {:6.1f} GB/s\n", bytes >> 10, seconds * 1e6,
                   size / seconds * 1e-9);
  }
  double slope = (weights * xy - x * y) / (weights * xx - x * x), begin = (y - slope * x) / weights;
  if (all.is_first())
    print_result("{} processes: {:.1f} us and the bytes at {:.1f} GB/s\n", all.size(), begin * 1e6,
                 1e-9 / slope);
}

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  using namespace manul;
  Program program("bench_processes",
                  "Times the steps of a training, or sums, by one process or by those that mpirun starts.",
                  "  bench_processes --network resnet50 --batch 256 --side 224 --bf16\n"
                  "  mpirun -n 2 bench_processes --network resnet18 --batch 256 --side 64\n"
                  "  mpirun -n 2 bench_processes --sums\n");
  Case what;
  program.add_device_option();
  program.add_tf32_option();
  program.add_threads_option();
  CLI::App& app = program.options();
  app.add_option("--network", what.network, "catdog or a ready-made network")->capture_default_str();
  app.add_option("--batch", what.batch, "Pictures a step, of each process")->capture_default_str();
  app.add_option("--side", what.side, "Of a picture, in pixels")->capture_default_str();
  app.add_option("--seconds", what.seconds, "How long to measure")->capture_default_str();
  app.add_flag("--bf16", what.bf16, "Mixed precision");
  app.add_flag("--bf16-sums", what.bf16_sums, "Add gradients in bf16");
  app.add_flag("--sums", what.sums, "Time sums over the processes by their size, and no steps");
  return program.run(argc, argv, [&] {
    const Communicator& all = join_processes();
    if (what.sums) {
      time_sums(program.device());
      return 0;
    }
    std::vector<double> times = times_of(what, program.device());
    std::ranges::sort(times);
    double median = times[times.size() / 2];
    if (all.is_first())
      print_result("{} processes: {:.4f} ms a step (least {:.4f}), {:.0f} pictures/s\n", all.size(), median,
                   times.front(), 1e3 / median * static_cast<double>(what.batch * all.size()));
    return 0;
  });
}
