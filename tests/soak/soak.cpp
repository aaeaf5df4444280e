// soak MINUTES [SEED]: trains small models one after the other in one process, each with other options, until
// the time is over: data sets kept, streamed and augmented, optimizers, batches, threads, callbacks,
// checkpoints, saving, resuming, predicting. A line a minute tells what the process holds. Exit code 1 if
// memory or descriptors grow: what the last third of the time held at most, against the second. tools/soak.sh
// builds and starts it.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/memory.h"
#include "manul/framework/stopwatch.h"
#include "manul/models/keras/h5.h"
#include "manul/models/training/callbacks/early_stopping.h"
#include "manul/models/training/callbacks/model_checkpoint.h"
#include "manul/models/zoo/zoo.h"
#include "manul/ops/optimizers/optimizer_table.h"
#include "manul/tests/models/drawn_folder.h"
#include "manul/tests/models/support.h"

namespace manul {
namespace {

/// What a process holds.
struct Held {
  int64_t memory_mb = 0, descriptors = 0, threads = 0;
};

Held held_now() {
  Held held;
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    int64_t value = 0;
    if (key == "VmRSS:" && status >> value) held.memory_mb = value / 1024;
    if (key == "Threads:" && status >> value) held.threads = value;
  }
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++held.descriptors;
  return held;
}

Held most_of(const Held& a, const Held& b) {
  return {std::max(a.memory_mb, b.memory_mb), std::max(a.descriptors, b.descriptors),
          std::max(a.threads, b.threads)};
}

class Soak {
 public:
  Soak(uint64_t seed, Device device)
      : random_(seed, RandomPurpose::sample, 0, 0), device_(device), pictures_(60) {}

  /// One model, from its making to its end.
  void train_one() {
    cpu::set_threads(1 + below(4));
    bool residual = below(8) == 0;
    Sequential model = residual ? Sequential({16, 16, 3}) : picture_classifier();
    if (residual) {
      model.add(Conv2D{.filters = 8, .kernel_size = 3, .use_bias = false});
      model.add(BatchNormalization{});
      model.add(ReLU{});
      model.add(Dropout{.rate = 0.2});
      model.add(GlobalAveragePooling2D{});
      model.add(Dense{.units = 1, .activation = Activation::sigmoid});
    }
    model.compile(optimizer(), Loss::binary_crossentropy, {Metric::accuracy},
                  {.device = device_, .seed = below(100), .checkpoint = below(4) == 0});
    ImageDatasetOptions options = pictures_.augmented(below(2) ? 1024 : 0);
    options.workers = 1 + static_cast<int>(below(3));
    options.device = device_;
    ImageDataset data(pictures_.files, options),
        validation(pictures_.files, {.image = options.image, .device = device_});
    ModelCheckpoint checkpoint(
        {.filepath = folder_ / "best.keras", .monitor = "val_loss", .save_best_only = true});
    EarlyStopping stopping({.patience = 1});
    FitOptions fit{.epochs = 2,
                   .batch_size = 1 + static_cast<int64_t>(below(40)),
                   .validation = &validation,
                   .callbacks = {&checkpoint, &stopping},
                   .verbose = Verbose::none};
    if (below(2)) fit.steps_per_execution = 3;
    model.fit(data, fit);
    const std::string file = folder_ / (below(2) ? "model.h5" : "model.keras");
    model.save(file);
    Model again = Model::load(file, {.device = device_, .training = true});
    fit.epochs = 3;
    fit.resume = true;
    again.fit(data, fit);
    again.evaluate(validation);
    again.predict(random_tensor({static_cast<int64_t>(1 + below(20)), 16, 16, 3}, below(1000)));
    save_weights(again, folder_ / "model.weights.h5");
    load_weights(model, folder_ / "model.weights.h5");
  }

 private:
  uint64_t below(uint64_t limit) {
    return static_cast<uint64_t>(random_.uniform(0, static_cast<double>(limit)));
  }
  std::unique_ptr<Optimizer> optimizer() {
    constexpr const char* names[] = {"Adam", "SGD", "RMSprop", "AdamW", "Nadam", "Adagrad", "Lamb"};
    return make_optimizer(names[below(std::size(names))], Config::map({}));
  }

  RandomStream random_;
  Device device_;
  DrawnFolder pictures_;
  TemporaryFolder folder_;
};

int soak(double minutes, uint64_t seed) {
  Soak soak(seed, Device::cpu());
  Stopwatch watch;
  Held third[3];
  int64_t models = 0;
  double next_line = 0;
  for (double now = 0; now < minutes * 60; now = watch.seconds()) {
    soak.train_one();
    ++models;
    Held held = held_now();
    Held& most = third[std::min(2, static_cast<int>(now / (minutes * 20)))];
    most = most_of(most, held);
    if (now < next_line) continue;
    next_line = now + 60;
    std::printf("%6.1f min  %6lld models  %4lld MB  %3lld descriptors  %2lld threads\n", now / 60,
                static_cast<long long>(models), static_cast<long long>(held.memory_mb),
                static_cast<long long>(held.descriptors), static_cast<long long>(held.threads));
    std::fflush(stdout);
  }
  std::printf(
      "%lld models; at most %lld, %lld and %lld MB and %lld, %lld and %lld descriptors in the thirds of the "
      "time\n",
      static_cast<long long>(models), static_cast<long long>(third[0].memory_mb),
      static_cast<long long>(third[1].memory_mb), static_cast<long long>(third[2].memory_mb),
      static_cast<long long>(third[0].descriptors), static_cast<long long>(third[1].descriptors),
      static_cast<long long>(third[2].descriptors));
  constexpr int64_t noise_mb = 16;
  bool grows =
      third[2].memory_mb > third[1].memory_mb + noise_mb || third[2].descriptors > third[1].descriptors;
  if (grows) std::printf("it grows\n");
  return grows ? 1 : 0;
}

}  // namespace
}  // namespace manul

int main(int count, char** arguments) {
  double minutes = count > 1 ? std::atof(arguments[1]) : 0;
  if (minutes <= 0) {
    std::fprintf(stderr, "soak: how many minutes? soak MINUTES [SEED]\n");
    return 2;
  }
  try {
    return manul::soak(minutes, count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "soak: %s\n", error.what());
    return 1;
  }
}
