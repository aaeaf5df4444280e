#pragma once

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "manul/data/image/image.h"
#include "manul/models/graph/model.h"
#include "manul/testing/op_sample.h"

// What the rows of bench share.
namespace manul {

/// Times `work`, which counts as `steps` iterations. On a GPU several calls are submitted before they are
/// waited for, as in training.
template <class Work>
void measure(benchmark::State& state, Device device, Work&& work, int64_t steps = 1) {
  int64_t calls = device.is_cuda() ? 20 : 1;
  for (int i = 0; i < 3; ++i) work();  // a GPU step is captured in the second call
  synchronize(device);
  while (state.KeepRunningBatch(calls * steps)) {
    for (int64_t i = 0; i < calls; ++i) work();
    synchronize(device);
  }
}

template <class Function>
void add_row(const std::string& name, benchmark::TimeUnit unit, Function function) {
  benchmark::RegisterBenchmark(name.c_str(), function)->Unit(unit);
}

/// Times the steps of a compiled model for pictures of `side` pixels and two classes.
void measure_train_step(benchmark::State& state, Model& model, int64_t batch, int64_t side, Device device,
                        int64_t steps = 1);

/// The rows network_step/.. and network_predict/..: those for which docs/speed.md has figures, large ones on
/// a GPU alone. Their counter peak_MiB is what tensors take at most while the row runs.
void add_network_rows(Device device);

/// A picture of 400 x 360 with soft shapes and grain, as a JPEG of quality 80 about 25 KB.
Image bench_photograph(int number = 0);

/// The rows read_pictures/..: pictures a second that ImageDataset makes ready for the steps of a training, by
/// a number of threads, from files, from shards and from its cache on disk.
void add_loader_rows();

}  // namespace manul
