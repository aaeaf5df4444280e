#pragma once

#include "manul/framework/cuda/launch.h"
#include "manul/ops/optimizers/optimizer_of.h"

// The kernel of an update, for the .cu file that compiles it.
namespace manul::cuda {
namespace detail {

constexpr int update_threads = 256;

/// Four neighbours, read and written at once.
template <class T>
struct alignas(4 * sizeof(T)) Four {
  T values[4];
};

template <class T>
__device__ const Four<T>* four_of(const T* data) {
  return reinterpret_cast<const Four<T>*>(data);
}
template <class T>
__device__ Four<T>* four_of(T* data) {
  return reinterpret_cast<Four<T>*>(data);
}

/// The elements of an update and what is done to each.
template <class T, class Rule>
struct UpdateBody {
  Rule rule;
  const T* gradients;
  T* values;
  T* slots[Rule::slots + 1] = {};
  int64_t elements = 0;
  double learning_rate = 0;
  AccumulationSteps together = 1;
  const int32_t* parameter_of = nullptr;  // of the first element's; null: no treatments
  const T* factors = nullptr;
  T clip = 0;

  struct Loaded {
    Four<T> gradients, values, slots[Rule::slots + 1];
  };
  __device__ Loaded load(int64_t i) const {
    Loaded loaded;
    loaded.gradients = load_settled(four_of(gradients) + i);
#pragma unroll
    for (int k = 0; k < Rule::slots; ++k) loaded.slots[k] = load_settled(four_of(slots[k]) + i);
    loaded.values = load_settled(four_of(values) + i);
    return loaded;
  }
  /// Of the parameter that element `i` belongs to.
  __device__ Treatment<T> treatment(const UpdateStep<T>& step, int64_t i) const {
    const T* factor = factors + 3 * parameter_of[i / 16];
    return {factor[0], factor[1], clip, factor[2], step.learning_rate};
  }
  template <class Prepared>
  __device__ void four(const Prepared& prepared, const UpdateStep<T>& step, int64_t i, Loaded x) const {
    if (parameter_of) {
      Treatment<T> treat = treatment(step, 4 * i);
#pragma unroll
      for (int j = 0; j < 4; ++j) treat(x.gradients.values[j], x.values.values[j]);
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      T own[Rule::slots + 1];
#pragma unroll
      for (int k = 0; k < Rule::slots; ++k) own[k] = x.slots[k].values[j];
      rule(prepared, x.gradients.values[j], x.values.values[j], own);
#pragma unroll
      for (int k = 0; k < Rule::slots; ++k) x.slots[k].values[j] = own[k];
    }
#pragma unroll
    for (int k = 0; k < Rule::slots; ++k) four_of(slots[k])[i] = x.slots[k];
    four_of(values)[i] = x.values;
  }
  template <class Prepared>
  __device__ void one(const Prepared& prepared, const UpdateStep<T>& step, int64_t i) const {
    T own[Rule::slots + 1];
    for (int k = 0; k < Rule::slots; ++k) own[k] = load_settled(slots[k] + i);
    T gradient = load_settled(gradients + i), value = load_settled(values + i);
    if (parameter_of) treatment(step, i)(gradient, value);
    rule(prepared, gradient, value, own);
    for (int k = 0; k < Rule::slots; ++k) slots[k][i] = own[k];
    values[i] = value;
  }
};

/// Counts the step when all blocks have read the state: called by one thread of each, with what it has read.
/// Context::counters() may still be the former kernel's, so the state has a counter of its own.
__device__ inline void count_step(StepState* state, const StepState& read, int64_t samples) {
  if (atomicAdd(&state->blocks_done, 1u) != gridDim.x - 1) return;
  state->blocks_done = 0;
  if (samples < 0) return;
  state->iteration = read.iteration + 1;
  state->position = read.position + samples;
}

/// The whole update, four elements a thread. The blocks from `settled_block` on do not wait for the former
/// kernel, which has nothing to do with their elements; so they come first.
template <class T, class Rule>
__global__ void update_kernel(UpdateBody<T, Rule> body, StepState* state, int64_t samples,
                              unsigned settled_block) {
  unsigned block = (blockIdx.x + settled_block) % gridDim.x;
  if (block >= settled_block)
    begin_settled_block();
  else
    begin_kernel();
  int64_t i = int64_t{block} * update_threads + threadIdx.x;
  bool whole = 4 * i + 4 <= body.elements;
  typename UpdateBody<T, Rule>::Loaded loaded;
  if (whole) loaded = body.load(i);  // on its way while the step is prepared
  using Prepared = decltype(body.rule.prepare(UpdateStep<T>()));
  struct Shared {
    UpdateStep<T> step;
    bool applies;
    Prepared prepared;
  };
  __shared__ alignas(Shared) unsigned char shared_bytes[sizeof(Shared)];
  auto& shared = *reinterpret_cast<Shared*>(shared_bytes);
  StepState read;
  if (threadIdx.x == 0) {
    read = load_settled(state);
    UpdateMoment<T> moment(read, body.learning_rate, body.together);
    shared.step = moment.step;
    shared.applies = moment.applies;
    shared.prepared = body.rule.prepare(moment.step);
  }
  __syncthreads();
  if (shared.applies) {
    UpdateStep<T> step = shared.step;
    Prepared prepared = shared.prepared;
    if (whole)
      body.four(prepared, step, i, loaded);
    else
      for (int64_t k = 4 * i; k < body.elements; ++k) body.one(prepared, step, k);
  }
  if (threadIdx.x == 0) count_step(state, read, samples);
}

/// The element from which on a kernel that is started next may change the rest of the update's tensors before
/// the former kernel is done.
inline int64_t settled_from(const Update& update) {
  const Tensor& gradients = update.gradients;
  bool all_settled = is_settled(update.state);
  if (update.treatments) all_settled = all_settled && is_settled(update.treatments->factors);
  if (!all_settled) return gradients.elements();
  const Accesses& accesses = context_of(gradients).accesses();
  size_t from = accesses.readable_from(gradients.raw_data(), gradients.bytes());
  auto change = [&](const Tensor& tensor) {
    from = std::max(from, accesses.writable_from(tensor.raw_data(), tensor.bytes()));
  };
  for (const Tensor& slot : update.slots) change(slot);
  change(update.values);
  return static_cast<int64_t>(from) / size_of(gradients.dtype());
}

}  // namespace detail

/// CompiledUpdate::on_cuda.
template <class Options>
void run_update(const Options& options, const Update& update) {
  visit_float(update.values.dtype(), Options::class_name, [&](auto zero) {
    using T = decltype(zero);
    visit_rule<T>(options, [&]<class Rule>(const Rule& rule) {
      check(update.slots.size() == Rule::slots, "optimizer: it has {} slots, its update {}",
            update.slots.size(), Rule::slots);
      int64_t elements = update.values.elements();
      int64_t settled = detail::settled_from(update);
      detail::UpdateBody<T, Rule> body{rule, update.gradients.data<T>(), update.values.mutable_data<T>()};
      for (int k = 0; k < Rule::slots; ++k) body.slots[k] = update.slots[k].mutable_data<T>();
      body.elements = elements;
      body.learning_rate = update.learning_rate;
      body.together = update.together;
      if (const Treatments* treatments = update.treatments) {
        body.parameter_of = treatments->parameter_of.data<int32_t>() + update.begin / 16;
        body.factors = treatments->factors.data<T>();
        body.clip = static_cast<T>(treatments->clipvalue);
      }
      constexpr int elements_a_block = 4 * detail::update_threads;
      // One block waits at least: that a kernel is done must mean that the former one is.
      launch(context_of(update.state), detail::update_kernel<T, Rule>,
             std::max(blocks_for(elements, elements_a_block), 1u), detail::update_threads, body,
             mutable_state_in(update.state), update.samples,
             std::max(blocks_for(settled, elements_a_block), 1u));
    });
  });
}

/// Compiles the update of a struct of options for the GPU: one object in a .cu file.
template <class Options>
struct UpdateRegistration {
  UpdateRegistration() { CompiledUpdate<Options>::on_cuda = run_update<Options>; }
};

}  // namespace manul::cuda
