#include <filesystem>
#include <fstream>
#include <iterator>

#include "manul/data/augment/augment.h"
#include "manul/data/image/image_io.h"
#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/models/zoo/catdog.h"
#include "manul/tests/ops/samples.h"
#include "manul/tools/programs/bench_rows.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

std::vector<Device> devices() {
  std::vector<Device> found{Device::cpu()};
  if (Device device = Device::parse("auto"); device.is_cuda()) found.push_back(device);
  return found;
}

constexpr AugmentOptions article_augmentation{
    .shear_range = 0.2, .zoom_low = 0.8, .zoom_high = 1.2, .horizontal_flip = true};

Model compiled_network(int64_t stride, Device device) {
  CatdogOptions options{.strides = stride};
  Model model = catdog_network(options);
  model.compile(Adam{}, catdog_loss(options), {Metric::accuracy}, {.device = device});
  return model;
}

struct StepOptions {
  bool tf32 = false;
  int64_t steps_per_execution = 1;
};

std::string train_step_name(int64_t stride, int64_t batch, Device device, StepOptions options) {
  std::string name = fmt::format("train_step/stride:{}/batch:{}/device:{}", stride, batch, device.name());
  if (options.tf32) name += "/tf32";
  if (options.steps_per_execution > 1)
    name += fmt::format("/steps_per_execution:{}", options.steps_per_execution);
  return name;
}

void add_train_step(int64_t stride, int64_t batch, Device device, StepOptions options = {}) {
  add_row(train_step_name(stride, batch, device, options), benchmark::kMillisecond,
          [=](benchmark::State& state) {
            allow_tf32(options.tf32);
            Model model = compiled_network(stride, device);
            measure_train_step(state, model, batch, 64, device, options.steps_per_execution);
            allow_tf32(false);
          });
}

/// An epoch of `steps` batches of pictures that lie in the device's memory.
EpochPictures drawn_pictures(int64_t steps, int64_t batch, Device device) {
  constexpr int64_t count = 4096, height = 64, width = 64, channels = 3;
  std::vector<uint8_t> pixels(count * height * width * channels);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>((i * 2654435761U) >> 13);
  std::vector<int32_t> labels(count), order(steps * batch);
  for (int64_t i = 0; i < count; ++i) labels[i] = static_cast<int32_t>(i % 2);
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i * 1103 % count);
  return {Tensor::from(pixels, {count, height, width, channels}).to(device),
          Tensor::from(labels, {count}).to(device),
          Tensor::from(order, {static_cast<int64_t>(order.size())}).to(device),
          {}};
}

/// A training step that gathers and augments its batch.
void add_augmented_step(int64_t stride, int64_t batch, Device device) {
  add_row(fmt::format("train_step/stride:{}/batch:{}/device:{}/augmented", stride, batch, device.name()),
          benchmark::kMillisecond, [=](benchmark::State& state) {
            constexpr int64_t steps = 1000;
            Model model = compiled_network(stride, device);
            EpochPictures pictures = drawn_pictures(steps, batch, device);
            Tensor inputs = Tensor::empty({batch, 64, 64, 3}, DType::f32, device);
            Tensor labels = Tensor::empty({batch}, DType::i32, device);
            TrainStep step(
                [&] {
                  augment_batch_kernel(model.state().tensor(), pictures, article_augmentation, inputs,
                                       labels);
                  model.train_on_batch(inputs, labels);
                },
                device);
            int64_t done = 0;
            measure(state, device, [&] {
              if (done++ % steps == 0) model.state().set(&StepState::position, int64_t{0});
              step.run();
            });
            state.SetItemsProcessed(state.iterations() * batch);
          });
}

void add_predict(int64_t batch, Device device) {
  add_row(fmt::format("predict/batch:{}/device:{}", batch, device.name()), benchmark::kMicrosecond,
          [=](benchmark::State& state) {
            Model model = catdog_network();
            model.build({.device = device, .gradients = false});
            Tensor inputs = test_values({batch, 64, 64, 3}, 1, DType::f32, device, 0, 1);
            measure(state, device, [&] { benchmark::DoNotOptimize(model.predict(inputs).raw_data()); });
            state.SetItemsProcessed(state.iterations() * batch);
          });
}

/// A file for the time of one benchmark.
struct ScratchFile {
  fs::path path;
  explicit ScratchFile(const std::string& name) : path(fs::temp_directory_path() / ("manul_bench_" + name)) {}
  ~ScratchFile() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

void decode(benchmark::State& state, bool png) {
  ScratchFile file(png ? "picture.png" : "picture.jpg");
  png ? save_png(file.path, bench_photograph()) : save_jpeg(file.path, bench_photograph(), 80);
  std::ifstream stream(file.path, std::ios::binary);
  std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(stream), {}};
  measure(state, {}, [&] {
    benchmark::DoNotOptimize(decode_image(bytes, "picture", {.height = 64, .width = 64}).pixels.data());
  });
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}

void augment_picture(benchmark::State& state) {
  std::vector<uint8_t> picture(size_t{64} * 64 * 3);
  for (size_t i = 0; i < picture.size(); ++i) picture[i] = static_cast<uint8_t>(i * 37);
  std::vector<float> output(picture.size());
  int64_t index = 0;
  measure(state, {}, [&] {
    Transform transform = draw_transform(article_augmentation, 0, 0, index++, 64, 64);
    augment(picture.data(), 64, 64, 3, transform, article_augmentation, output.data());
    benchmark::DoNotOptimize(output.data());
  });
}

void save_model(benchmark::State& state) {
  ScratchFile file("saved.h5");
  Model model = compiled_network(3, {});
  model.train_on_batch(Tensor::zeros({1, 64, 64, 3}), Tensor::zeros({1}, DType::i32));
  measure(state, {}, [&] { model.save(file.path.string()); });
}

void load_model(benchmark::State& state, bool training) {
  ScratchFile file("loaded.h5");
  Model model = compiled_network(3, {});
  model.save(file.path.string());
  measure(state, {}, [&] {
    Model loaded = Model::load(file.path.string(), {.training = training});
    benchmark::DoNotOptimize(&loaded);
  });
}

void add_op(const OpSample& sample, Device device) {
  add_row(fmt::format("op/{}/forward/device:{}", sample.name, device.name()), benchmark::kMicrosecond,
          [=](benchmark::State& state) {
            std::vector<Tensor> inputs = make_inputs(sample, DType::f32, device);
            measure(state, device, [&] { benchmark::DoNotOptimize(sample.function(inputs).raw()); });
          });
  add_row(fmt::format("op/{}/gradient/device:{}", sample.name, device.name()), benchmark::kMicrosecond,
          [=](benchmark::State& state) {
            std::vector<Tensor> inputs = make_inputs(sample, DType::f32, device);
            for (size_t i = 0; i < inputs.size(); ++i)
              if (sample.inputs[i].gradient && sample.inputs[i].dtype != DType::i32)
                inputs[i].watch(Tensor::empty_like(inputs[i]));
            Tensor arriving = Tensor::full(sample.function(inputs).shape(), 1, DType::f32, device);
            measure(state, device, [&] {
              Tape tape;
              tape.backward(sample.function(inputs), arriving);
            });
          });
}

void add_ops(Device device) {
  for (const auto& samples :
       {pointwise_samples(), matmul_samples(), conv2d_samples(), pool2d_samples(), conv_relu_pool_samples(),
        conv2d_activation_samples(), normalize_activation_samples(), normalize_samples(), reduce_samples(),
        loss_samples(), dropout_samples(), shape_samples()})
    for (const OpSample& sample : samples) add_op(sample, device);
}

void add_rows() {
  for (Device device : devices()) {
    for (int64_t stride : {3, 1})
      for (int64_t batch : {32, 256, 2048}) {
        add_train_step(stride, batch, device);
        if (device.is_cuda()) add_train_step(stride, batch, device, {.steps_per_execution = 8});
        if (device.is_cuda() && batch > 32) add_train_step(stride, batch, device, {.tf32 = true});
        add_augmented_step(stride, batch, device);
      }
    add_network_rows(device);
    for (int64_t batch : {1, 32}) add_predict(batch, device);
    add_ops(device);
  }
  add_row("decode/jpeg:400x360/to:64x64", benchmark::kMicrosecond, [](auto& state) { decode(state, false); });
  add_row("decode/png:400x360/to:64x64", benchmark::kMicrosecond, [](auto& state) { decode(state, true); });
  add_row("augment/64x64", benchmark::kMicrosecond, augment_picture);
  add_loader_rows();
  add_row("save", benchmark::kMillisecond, save_model);
  add_row("load/predict", benchmark::kMillisecond, [](auto& state) { load_model(state, false); });
  add_row("load/resume", benchmark::kMillisecond, [](auto& state) { load_model(state, true); });
}

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  try {
    manul::add_rows();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return static_cast<int>(manul::ErrorKind::usage);
    benchmark::RunSpecifiedBenchmarks();
  } catch (const manul::Error& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return error.exit_code();
  }
  return 0;
}
