#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <random>

#include "manul/data/datasets/array_dataset.h"
#include "manul/data/datasets/epoch.h"
#include "manul/data/datasets/image_dataset.h"
#include "manul/data/image/image_io.h"
#include "manul/framework/distributed/communicator.h"
#include "manul/framework/distributed/waiting.h"
#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/layers/layers.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/training/callbacks/early_stopping.h"
#include "manul/models/training/callbacks/lambda_callback.h"
#include "manul/models/training/callbacks/reduce_lr_on_plateau.h"
#include "manul/ops/losses/kinds/sparse_categorical_crossentropy.h"
#include "manul/ops/regularizers/regularizer_table.h"
#include "manul/ops/regularizers/regularizers.h"

// A program that trains by one call of fit(), alone or under mpirun; its first process prints what came out,
// so that both can be compared. `processes_worker CASE`.
namespace manul {
namespace {

Tensor numbers(const Shape& shape, unsigned seed, double scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, scale);
  std::vector<double> values(static_cast<size_t>(shape.elements()));
  for (double& value : values) value = normal(random);
  return Tensor::from(values, shape);
}

Tensor classes(int64_t count, int below, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> values(static_cast<size_t>(count));
  for (int32_t& value : values) value = static_cast<int32_t>(random() % static_cast<unsigned>(below));
  return Tensor::from(values, {count});
}

void print(const Model& model, const History& history) {
  if (!processes().is_first()) return;
  for (const Logs& logs : history.epochs())
    for (const auto& [name, value] : logs) fmt::print("{} {:.17g}\n", name, value);
  for (const Parameter& parameter : model.parameters().all())
    for (double value : parameter.value.to(DType::f64).to_vector<double>())
      fmt::print("{} {:.17g}\n", parameter.path, value);
}

/// WORKER_DEVICE: cuda, or the CPU.
Device device() {
  const char* name = std::getenv("WORKER_DEVICE");
  return Device::parse(name ? name : "cpu");
}

BuildOptions in_f64() {
  return {.device = device(), .seed = 7, .dtype = DType::f64};
}

/// Dropout of every kind, noise, penalties, weights of samples and classes, several metrics, a short last
/// batch.
void dense_with(const CompileOptions& options) {
  Sequential model({12});
  model.add(Dense{.units = 15, .activation = Activation::relu, .name = "a"});
  model.add(Dropout{.rate = 0.3, .name = "drop"});
  model.add(Dense{.units = 9, .activation = Activation::tanh, .name = "b"});
  model.add(GaussianNoise{.stddev = 0.2, .name = "noise"});
  model.add(Dropout{.rate = 0.5, .noise_shape = NoiseShape{{1, std::nullopt}}, .name = "shared"});
  model.add(Dense{.units = 3, .activation = Activation::softmax, .name = "c"});
  model.build(in_f64());
  model.parameters().at("a/kernel").regularizer = std::make_shared<RegularizerOf<L1L2>>(L1L2{.l2 = 0.02});
  model.compile(Adam{{.learning_rate = 0.01}}, Loss::sparse_categorical_crossentropy,
                {"accuracy", "sparse_top_k_categorical_accuracy"}, options);
  std::vector<float> weights;
  for (int i = 0; i < 37; ++i) weights.push_back(0.5F + 0.1F * static_cast<float>(i % 7));
  History history = model.fit(numbers({37, 12}, 1), classes(37, 3, 2),
                              {.epochs = 3,
                               .batch_size = 10,
                               .steps_per_execution = 2,
                               .validation_data = {numbers({11, 12}, 3), classes(11, 3, 4)},
                               .sample_weight = Tensor::from(weights, {37}),
                               .class_weight = {{0, 1.0}, {1, 2.5}},
                               .verbose = Verbose::none});
  print(model, history);
}

void dense() {
  dense_with({});
}
void dense_rounded() {
  dense_with({.bf16_sums = true});
}

/// Fewer samples in a batch than processes; clipped gradients of several batches, averages of weights.
void few() {
  Sequential model({4});
  model.add(Dense{.units = 6, .activation = Activation::tanh, .name = "a"});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid, .name = "b"});
  model.build(in_f64());
  model.compile(SGD({.learning_rate = 0.1, .momentum = 0.9},
                    {.global_clipnorm = 0.3, .use_ema = true, .gradient_accumulation_steps = 2}),
                Loss::binary_crossentropy, {"accuracy", "auc"});
  Tensor labels = classes(9, 2, 6).to(DType::f64);
  print(model, model.fit(numbers({9, 4}, 5), labels,
                         {.epochs = 4,
                          .batch_size = 2,
                          .validation_data = {numbers({5, 4}, 7), classes(5, 2, 8).to(DType::f64)},
                          .verbose = Verbose::none}));
}

/// Masked steps, the mean over those that count; another output's loss is a sum, and classes are left out.
void masks() {
  Graph graph;
  Symbol words = graph.input({6}, "words");
  Symbol known =
      graph.apply(Embedding{.input_dim = 5, .output_dim = 4, .mask_zero = true, .name = "words_of"}, words);
  Symbol steps = graph.apply(Dense{.units = 3, .activation = Activation::softmax, .name = "steps"}, known);
  Symbol whole = graph.apply(Dense{.units = 2, .name = "sums"}, graph.apply(Flatten{.name = "flat"}, words));
  graph.set_outputs({steps, whole});
  Model model(std::move(graph));
  model.build(in_f64());
  LossSpec squares = find_loss("mse");
  squares.reduction = LossReduction::sum;
  model.compile(Adam{{.learning_rate = 0.02}}, {SparseCategoricalCrossentropy{.ignore_class = 2}, squares},
                {"accuracy"}, {.loss_weights = {1, 0.05}, .output_metrics = {{"accuracy"}, {"mae"}}});
  Tensor tokens = classes(23 * 6, 5, 9).to(DType::f64).view({23, 6});
  Tensor answers = classes(23 * 6, 3, 10).view({23, 6});
  print(model, model.fit({tokens}, {answers, numbers({23, 2}, 11)},
                         {.epochs = 3, .batch_size = 8, .verbose = Verbose::none}));
}

/// Augmentation in the network, convolutions, callbacks that decide.
void pictures() {
  Sequential model({8, 8, 2});
  model.add(RandomFlip{.name = "flip"});
  model.add(RandomTranslation{.height_factor = 0.2, .width_factor = 0.2, .name = "move"});
  model.add(Conv2D{.filters = 4, .kernel_size = 3, .activation = Activation::relu, .name = "a"});
  model.add(SpatialDropout2D{.rate = 0.3, .name = "drop"});
  model.add(Flatten{.name = "flat"});
  model.add(Dense{.units = 2, .activation = Activation::softmax, .name = "b"});
  model.build(in_f64());
  model.compile(Adam{{.learning_rate = 0.01}}, Loss::sparse_categorical_crossentropy, {"accuracy"});
  EarlyStopping early({.monitor = "val_loss", .patience = 2, .restore_best_weights = true});
  ReduceLROnPlateau slower({.monitor = "val_loss", .factor = 0.5, .patience = 1, .min_delta = 0.01});
  print(model, model.fit(numbers({31, 8, 8, 2}, 12), classes(31, 2, 13),
                         {.epochs = 12,
                          .batch_size = 8,
                          .validation_split = 0.25,
                          .callbacks = {&early, &slower},
                          .verbose = Verbose::none}));
}

/// The statistics of a batch are those of each process's part.
void normalized() {
  Sequential model({6});
  model.add(Dense{.units = 8, .name = "a"});
  model.add(BatchNormalization{.name = "norm"});
  model.add(Dense{.units = 2, .activation = Activation::softmax, .name = "b"});
  model.build(in_f64());
  model.compile(SGD{{.learning_rate = 0.05}}, Loss::sparse_categorical_crossentropy, {"accuracy"});
  print(model, model.fit(numbers({24, 6}, 14), classes(24, 2, 15),
                         {.epochs = 2, .batch_size = 12, .verbose = Verbose::none}));
}

/// Statistics of the whole batch; of masked steps too, and of batches with fewer samples than processes.
void synchronized() {
  Sequential model({6});
  model.add(Dense{.units = 8, .name = "a"});
  model.add(BatchNormalization{.synchronized = true, .name = "norm"});
  model.add(ActivationLayer{.activation = Activation::relu, .name = "relu"});
  model.add(Dense{.units = 2, .activation = Activation::softmax, .name = "b"});
  model.build(in_f64());
  model.compile(SGD{{.learning_rate = 0.05}}, Loss::sparse_categorical_crossentropy, {"accuracy"});
  print(model, model.fit(numbers({26, 6}, 14), classes(26, 2, 15),
                         {.epochs = 3,
                          .batch_size = 4,
                          .validation_data = {numbers({9, 6}, 18), classes(9, 2, 19)},
                          .verbose = Verbose::none}));
  Sequential padded({5, 4});
  padded.add(Masking{.name = "padding"});
  padded.add(BatchNormalization{.name = "norm"});
  padded.add(Dense{.units = 1, .name = "b"});
  padded.synchronize_normalizations();
  padded.build(in_f64());
  padded.compile(SGD{{.learning_rate = 0.05}}, "mse", {"mae"});
  Tensor steps = numbers({13, 5, 4}, 20);
  for (int64_t row : {0, 3, 4, 17, 31, 64}) steps.range(row * 4, {4}).fill_zero();
  print(padded,
        padded.fit(steps, numbers({13, 5, 1}, 21), {.epochs = 3, .batch_size = 5, .verbose = Verbose::none}));
}

Sequential small(uint64_t seed, const CompileOptions& options = {}) {
  Sequential model({6});
  model.add(Dense{.units = 8, .activation = Activation::relu, .name = "a"});
  model.add(Dropout{.rate = 0.2, .name = "drop"});
  model.add(Dense{.units = 2, .activation = Activation::softmax, .name = "b"});
  model.build({.device = device(), .seed = seed});
  model.compile(Adam{{.learning_rate = 0.02}}, Loss::sparse_categorical_crossentropy, {"accuracy"}, options);
  return model;
}
FitOptions of_small(int64_t epochs) {
  return {.epochs = epochs, .batch_size = 7, .verbose = Verbose::none};
}
Tensor small_samples() {
  return numbers({25, 6}, 16).to(DType::f32);
}

/// Steps 0 to 5, of 4 an epoch: in the middle of the second one. The rest is `second_half`.
void first_half() {
  Sequential model = small(7);
  FitOptions options = of_small(3);
  LambdaCallback stop({.on_step_end = [](FitProgress& fit) {
    bool last = processes().rank() == processes().size() - 1;
    if (fit.epoch == 1 && fit.step == 2 && last) fit.stop(StopReason::requested);
  }});
  options.callbacks = {&stop};
  model.fit(small_samples(), classes(25, 2, 17), options);
  model.save("half.h5");
}
void second_half() {
  Model model = Model::load("half.h5", {.training = true});
  FitOptions options = of_small(3);
  options.resume = true;
  print(model, model.fit(small_samples(), classes(25, 2, 17), options));
}
void both_halves() {
  Sequential model = small(7);
  print(model, model.fit(small_samples(), classes(25, 2, 17), of_small(3)));
}

void both_halves_rounded() {
  Sequential model = small(7, {.bf16_sums = true});
  print(model, model.fit(small_samples(), classes(25, 2, 17), of_small(3)));
}

/// A loop that is written out.
void own_loop() {
  Sequential model({6});
  model.add(Dense{.units = 8, .activation = Activation::relu, .name = "a"});
  model.add(Dropout{.rate = 0.2, .name = "drop"});
  model.add(Dense{.units = 2, .name = "b"});
  model.build(in_f64());
  ArrayDataset data(numbers({25, 6}, 16), classes(25, 2, 17), {}, {.device = device()});
  DeviceStepState state(device());
  Adam adam{{.learning_rate = 0.02}};
  adam.attach(model.parameters());
  for (int64_t epoch = 0; epoch < 3; ++epoch)
    for (const Batch& batch : Epoch(data, state, {.batch_size = 7, .epoch = epoch, .seed = 4})) {
      Tape tape;
      Tensor logits = model.forward(batch.inputs[0], {.training = true, .state = &state});
      adam.minimize(tape, loss_from_logits(Loss::sparse_categorical_crossentropy, logits, batch.labels[0]),
                    state);
    }
  print(model, {});
}

/// Pictures of which each process can read its own part alone: the files of the others' are there, and
/// damaged. All see all of them, in memory; one that nobody can read is bad for all.
void own_pictures() {
  const Communicator& all = processes();
  std::filesystem::path folder = fmt::format("pictures_of_{}_of_{}", all.rank(), all.size());
  constexpr int count = 300, bad = 170;
  for (int i = 0; i < count; ++i) {
    std::filesystem::path file = folder / (i < 200 ? "a" : "b") / fmt::format("{:03}.png", i);
    std::filesystem::create_directories(file.parent_path());
    Image image(4, 5, 3);
    for (size_t k = 0; k < image.pixels.size(); ++k) image.pixels[k] = static_cast<uint8_t>(i * 7 + k * k);
    bool is_own = i / 64 % all.size() == all.rank();
    if (is_own && i != bad)
      save_png(file, image);
    else
      write_bytes(file, std::vector<uint8_t>(9, 'x'));
  }
  ImageDatasetOptions options{.image = {.height = 4, .width = 5}, .together = true};
  ImageDataset data(ImageFolder::scan(folder), options);
  for (const std::string& reason : data.bad_images())
    fmt::print("bad_{} {}\n", reason.substr(reason.find('/') + 1).substr(0, 9), all.rank());
  DeviceStepState state{Device{}};
  data.begin_epoch(0, 3, true);
  Batch batch = data.spec().empty_batch(data.size());
  data.prepare_batch(0, data.size());
  data.next_batch(state, batch);
  double sum = 0;
  std::vector<float> values = batch.inputs[0].to_vector<float>();
  for (size_t i = 0; i < values.size(); ++i) sum += values[i] * static_cast<double>(i % 1013);
  fmt::print("sum {:.17g}\n", sum);
  for (size_t i = 0; i < 3; ++i) fmt::print("hash {}\n", data.fingerprints()[i * 100].hash);
  options.on_bad_image = OnBadImage::fail;
  try {
    ImageDataset(ImageFolder::scan(folder), options);
  } catch (const Error& error) {
    std::string text = error.what();
    fmt::print("strict {}\n", text.find("a/170.png: not a picture") != std::string::npos);
  }
}

void other_pictures() {
  std::filesystem::path folder = fmt::format("pictures_of_{}", processes().rank());
  for (int i = 0; i < 4 + processes().rank() / 2; ++i) {
    std::filesystem::path file = folder / (i % 2 == 0 ? "a" : "b") / fmt::format("{}.png", i);
    std::filesystem::create_directories(file.parent_path());
    save_png(file, Image(4, 5, 3));
  }
  ImageDataset(ImageFolder::scan(folder), {.image = {.height = 4, .width = 5}, .together = true});
}

/// The last process alone is told to stop, when it has read some: the others do not read theirs to the end.
void stopped_reading() {
  const Communicator& all = processes();
  std::filesystem::path folder = fmt::format("pictures_of_{}", all.rank());
  for (int i = 0; i < 700; ++i) {
    std::filesystem::path file = folder / (i % 2 == 0 ? "a" : "b") / fmt::format("{}.png", i);
    std::filesystem::create_directories(file.parent_path());
    save_png(file, Image(4, 5, 3));
  }
  std::atomic<bool> stop{false};
  int64_t read = 0;
  auto progress = [&](int64_t done, int64_t) {
    read = done;
    stop = done > 100 && all.rank() == all.size() - 1;
  };
  try {
    ImageDataset(
        ImageFolder::scan(folder),
        {.image = {.height = 4, .width = 5}, .together = true, .on_progress = progress, .stop = &stop});
  } catch (const Error& error) {
    fmt::print("{} {} {}\n", all.rank(), read, error.what());
  }
}

void other_seeds() {
  Sequential model = small(static_cast<uint64_t>(processes().rank()));
  model.fit(small_samples(), classes(25, 2, 17), of_small(1));
}
void other_sums() {
  Sequential model = small(7, {.bf16_sums = processes().is_first()});
  model.fit(small_samples(), classes(25, 2, 17), of_small(1));
}
void other_batch() {
  Sequential model = small(7);
  FitOptions options = of_small(1);
  options.batch_size += processes().rank();
  model.fit(small_samples(), classes(25, 2, 17), options);
}

/// The last process gets a signal in the middle of a training, behind a checkpoint.
template <int signal>
void is_signalled() {
  Sequential model = small(7);
  FitOptions options = of_small(1000);
  LambdaCallback raise({.on_epoch_end = [](FitProgress& fit, const Logs&) {
    if (fit.epoch == 1) fit.save_checkpoint("checkpoint.h5");
    if (fit.epoch == 3 && processes().rank() == processes().size() - 1) ::raise(signal);
  }});
  options.callbacks = {&raise};
  model.fit(small_samples(), classes(25, 2, 17), options);
}

/// What adds for the last process, as NCCL does, finds out beside the training that it cannot any more.
void cannot_add() {
  static std::atomic<bool> broken{false};
  end_if_there_is([] { return std::string(broken ? "the sums have failed: no way" : ""); });
  broken = processes().rank() == processes().size() - 1;
  if (broken) ::pause();
  processes().barrier();  // for as long as it takes
}

/// Exact sums of each type, the largest, agreement.
void sums() {
  const Communicator& all = processes();
  int rank = all.rank();
  auto show = [&](const Tensor& values) {
    all.sum(values);
    if (all.is_first()) fmt::print("sum {}\n", values.to(DType::f64).to_vector<double>()[1]);
  };
  show(Tensor::from(std::vector<float>{1, static_cast<float>(rank)}, {2}));
  show(Tensor::from(std::vector<double>{1, 0.5 * rank}, {2}));
  show(Tensor::from(std::vector<int32_t>{1, 1 << rank}, {2}));
  show(Tensor::from(std::vector<float>{1, rank == 0   ? 2.0F
                                          : rank == 1 ? 1.0234375F
                                                      : 0.0F},
                    {2})
           .to(DType::bf16));
  show(Tensor::from(std::vector<float>{1, rank == 0 ? 256.0F : 0.5F}, {2}).to(DType::bf16));
  std::vector<float> many(9'000'000);  // MPI gets them in pieces
  for (size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i % 1001) + static_cast<float>(rank);
  Tensor long_sum = Tensor::from(many, {static_cast<int64_t>(many.size())});
  all.sum(long_sum);
  int64_t wrong = 0;
  for (size_t i = 0; i < many.size(); ++i)
    wrong += long_sum.data<float>()[i] !=
             static_cast<float>(all.size()) *
                 (static_cast<float>(i % 1001) + static_cast<float>(all.size() - 1) / 2);
  if (all.is_first()) fmt::print("wrong {}\n", wrong);
  int64_t largest[] = {rank, -rank};
  all.max(largest);
  Tensor told = Tensor::from(std::vector<double>{rank + 10.0}, {1});
  all.broadcast(told, all.size() - 1);
  if (all.is_first()) fmt::print("max {} {} told {}\n", largest[0], largest[1], told.item<double>());
  bool same = all.agree(12345678901234567U), other = all.agree(static_cast<uint64_t>(rank) << 40);
  if (all.is_first()) fmt::print("agree {} {}\n", same, other);
}

int run_case(const std::string& name) {
  const std::map<std::string, std::function<void()>> cases{{"dense", dense},
                                                           {"dense_rounded", dense_rounded},
                                                           {"both_halves_rounded", both_halves_rounded},
                                                           {"other_sums", other_sums},
                                                           {"few", few},
                                                           {"masks", masks},
                                                           {"pictures", pictures},
                                                           {"normalized", normalized},
                                                           {"synchronized", synchronized},
                                                           {"hangs", is_signalled<SIGSTOP>},
                                                           {"dies", is_signalled<SIGKILL>},
                                                           {"cannot_add", cannot_add},
                                                           {"first_half", first_half},
                                                           {"second_half", second_half},
                                                           {"both_halves", both_halves},
                                                           {"other_seeds", other_seeds},
                                                           {"other_batch", other_batch},
                                                           {"sums", sums},
                                                           {"own_pictures", own_pictures},
                                                           {"other_pictures", other_pictures},
                                                           {"stopped_reading", stopped_reading},
                                                           {"own_loop", own_loop}};
  try {
    if (name == "not_joined") {
      both_halves();
      return 0;
    }
    join_processes();
    cases.at(name)();
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "process {}: {}\n", processes().rank(), error.what());
    if (!processes().is_alone()) processes().abort(error.exit_code());
    return error.exit_code();
  }
}

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  return argc == 2 ? manul::run_case(argv[1]) : 2;
}
