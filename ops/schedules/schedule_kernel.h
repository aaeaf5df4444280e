#pragma once

#include "manul/framework/cuda/launch.h"
#include "manul/ops/schedules/schedule_of.h"

// What compiles a schedule for the GPU, for a .cu file.
namespace manul::cuda {

template <class Function>
struct SetRate {
  Function function;
  StepState* state;
  __device__ void operator()(int64_t) const {
    state->learning_rate = function(static_cast<float>(state->iteration));
  }
};

/// CompiledSchedule::on_cuda.
template <class Options>
void set_rate(const Options& options, const Tensor& state) {
  auto function = schedule_function(options);
  for_each(context_of(state), 1, SetRate<decltype(function)>{function, mutable_state_in(state)});
}

/// Compiles the schedule of a struct of options for the GPU: one object in a .cu file.
template <class Options>
struct ScheduleRegistration {
  ScheduleRegistration() { CompiledSchedule<Options>::on_cuda = set_rate<Options>; }
};

}  // namespace manul::cuda
