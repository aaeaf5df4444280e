#include "manul/framework/step.h"

#include <atomic>

#ifdef MANUL_WITH_CUDA
#include "manul/framework/cuda/graph.h"
#include "manul/framework/cuda/memory.h"
#endif

namespace manul {
namespace {

std::atomic<uint64_t> times_forgotten{0}, writing_replays{0};

}  // namespace

DeviceStepState::DeviceStepState(Device device)
    : tensor_(Tensor::empty({static_cast<int64_t>(sizeof(StepState))}, DType::u8, device)) {
  write({});
}

DeviceStepState DeviceStepState::of_whole_batch() const {
  DeviceStepState whole = *this;
  whole.part_ = std::make_shared<BatchPart>();
  return whole;
}

StepState DeviceStepState::read() const {
  StepState state;
  copy_bytes(&state, Device::cpu(), tensor_.raw_data(), tensor_.device(), sizeof state);
  return state;
}

void DeviceStepState::write(const StepState& state) const {
  copy_bytes(tensor_.raw(), tensor_.device(), &state, Device::cpu(), sizeof state);
}

void cpu::advance_step(const Tensor& state, int64_t samples) {
  auto* values = mutable_state_in(state);
  values->iteration += 1;
  values->position += samples;
}

/// What one key has so far. Without CUDA nothing is ever captured.
struct TrainStep::Captured {
  int runs = 0;
#ifdef MANUL_WITH_CUDA
  MemoryPlan plan;
  std::unique_ptr<cuda::Graph> graph;
#endif
};

TrainStep::TrainStep(std::function<void()> function, Device device)
    : function_(std::move(function)), device_(device) {}
TrainStep::~TrainStep() = default;

void TrainStep::forget_captured() {
  ++times_forgotten;
}

uint64_t TrainStep::writes() {
  return writing_replays;
}

void TrainStep::run([[maybe_unused]] int64_t key, int64_t calls) {
  auto work = [&] {
    for (int64_t i = 0; i < calls; ++i) function_();
  };
#ifdef MANUL_WITH_CUDA
  if (device_.is_cuda() && !eager_) {
    if (std::exchange(captured_at_, times_forgotten.load()) != times_forgotten) captured_.clear();
    auto& captured = captured_[{key, calls}];
    if (!captured) captured = std::make_unique<Captured>();
    if (captured->runs++ == 0) {
      cuda::MemoryTrace trace(device_.index);
      work();
      captured->plan = trace.plan();
      return;
    }
    if (!reads_only_) ++writing_replays;
    if (!captured->graph)
      captured->graph = cuda::Graph::capture(work, device_.index, std::move(captured->plan));
    return captured->graph->launch();
  }
#endif
  work();
}

}  // namespace manul
