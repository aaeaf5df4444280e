#include <algorithm>
#include <cmath>

#include "manul/framework/cuda/launch.h"
#include "manul/ops/optimizers/update.h"

namespace manul::cuda {
namespace {

constexpr int threads = 256;

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

/// learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t), from log(beta). The powers are taken in double and
/// rounded: powf is off by enough for 1 - beta_2^t to show it in the first steps. Two lanes take one each.
template <class T>
__device__ T adam_rate(double log_1, double log_2, const StepState& state) {
  double step = static_cast<double>(state.iteration + 1);
  T power = static_cast<T>(exp(step * (threadIdx.x % 2 == 0 ? log_1 : log_2)));
  T power_1 = __shfl_sync(0xffffffffu, power, 0), power_2 = __shfl_sync(0xffffffffu, power, 1);
  return static_cast<T>(state.learning_rate) * std::sqrt(T(1) - power_2) / (T(1) - power_1);
}

template <class T>
struct AdamBody {
  const T* gradients;
  T *m, *v, *values;
  double log_1, log_2;
  T take_1, take_2, epsilon;

  /// By the first warp.
  __device__ T rate(const StepState& state) const { return adam_rate<T>(log_1, log_2, state); }

  __device__ void update(T rate, T g, T& m, T& v, T& value) const {
    m += (g - m) * take_1;
    v += (g * g - v) * take_2;
    value -= m * rate / (std::sqrt(v) + epsilon);
  }
  struct Loaded {
    Four<T> g, m, v, value;
  };
  __device__ Loaded load(int64_t i) const {
    return {load_settled(four_of(gradients) + i), load_settled(four_of(m) + i), load_settled(four_of(v) + i),
            load_settled(four_of(values) + i)};
  }
  __device__ void four(T rate, int64_t i, Loaded x) const {
    for (int j = 0; j < 4; ++j) update(rate, x.g.values[j], x.m.values[j], x.v.values[j], x.value.values[j]);
    four_of(m)[i] = x.m;
    four_of(v)[i] = x.v;
    four_of(values)[i] = x.value;
  }
  __device__ void one(T rate, int64_t i) const {
    T new_m = load_settled(m + i), new_v = load_settled(v + i), value = load_settled(values + i);
    update(rate, load_settled(gradients + i), new_m, new_v, value);
    m[i] = new_m;
    v[i] = new_v;
    values[i] = value;
  }
};

template <class T>
struct SGDBody {
  const T* gradients;
  T *velocity, *values;
  T momentum;
  bool nesterov;

  __device__ T rate(const StepState& state) const { return static_cast<T>(state.learning_rate); }

  __device__ void one(T rate, int64_t i) const {
    T step = -load_settled(gradients + i) * rate;
    if (velocity) {
      T speed = step + load_settled(velocity + i) * momentum;
      velocity[i] = speed;
      step = nesterov ? step + speed * momentum : speed;
    }
    values[i] = load_settled(values + i) + step;
  }
  struct Loaded {};
  __device__ Loaded load(int64_t) const { return {}; }
  __device__ void four(T rate, int64_t i, Loaded) const {
    for (int j = 0; j < 4; ++j) one(rate, 4 * i + j);
  }
};

/// Counts the step when all blocks have read the state: called by one thread of each, with what it has read.
/// Context::counters() may still be the former kernel's, so the state has a counter of its own.
__device__ void count_step(StepState* state, const StepState& read, int64_t samples) {
  if (atomicAdd(&state->blocks_done, 1u) != gridDim.x - 1) return;
  state->blocks_done = 0;
  if (samples < 0) return;
  state->iteration = read.iteration + 1;
  state->position = read.position + samples;
}

/// The whole update, four elements a thread. The blocks from `settled_block` on do not wait for the former
/// kernel, which has nothing to do with their elements; so they come first.
template <class T, class Body>
__global__ void update_kernel(Body body, int64_t elements, StepState* state, int64_t samples,
                              unsigned settled_block) {
  unsigned block = (blockIdx.x + settled_block) % gridDim.x;
  if (block >= settled_block)
    begin_settled_block();
  else
    begin_kernel();
  int64_t i = int64_t{block} * threads + threadIdx.x;
  bool whole = 4 * i + 4 <= elements;
  typename Body::Loaded loaded{};
  if (whole) loaded = body.load(i);  // on its way while the rate is computed
  __shared__ T shared_rate;
  StepState read{};
  if (threadIdx.x < 32) {
    read = load_settled(state);
    shared_rate = body.rate(read);
  }
  __syncthreads();
  T rate = shared_rate;
  if (whole)
    body.four(rate, i, loaded);
  else
    for (int64_t k = 4 * i; k < elements; ++k) body.one(rate, k);
  if (threadIdx.x == 0) count_step(state, read, samples);
}

/// The element from which on a kernel that is started next may change the rest of `changed`, flat tensors of
/// the same length as `gradients`, before the former kernel is done.
int64_t settled_from(const Tensor& gradients, std::initializer_list<const Tensor*> changed,
                     const Tensor& state) {
  if (!is_settled(state)) return gradients.elements();
  const Accesses& accesses = context_of(gradients).accesses();
  size_t from = accesses.readable_from(gradients.raw(), gradients.bytes());
  for (const Tensor* tensor : changed)
    if (tensor->defined()) from = std::max(from, accesses.writable_from(tensor->raw(), tensor->bytes()));
  return static_cast<int64_t>(from) / size_of(gradients.dtype());
}

template <class T, class Body>
void update(const Body& body, int64_t elements, const Tensor& state, int64_t samples, int64_t settled) {
  constexpr int elements_a_block = 4 * threads;
  // One block waits at least: that a kernel is done must mean that the former one is.
  launch(context_of(state), update_kernel<T, Body>, std::max(blocks_for(elements, elements_a_block), 1u),
         threads, body, elements, mutable_state_in(state), samples,
         std::max(blocks_for(settled, elements_a_block), 1u));
}

}  // namespace

void adam_update(const AdamOptions& options, const Tensor& state, int64_t samples, const Tensor& gradients,
                 const Tensor& m, const Tensor& v, const Tensor& values) {
  visit_float(values.dtype(), "adam", [&](auto zero) {
    using T = decltype(zero);
    AdamBody<T> body{gradients.data<T>(),
                     m.mutable_data<T>(),
                     v.mutable_data<T>(),
                     values.mutable_data<T>(),
                     std::log(static_cast<double>(static_cast<float>(options.beta_1))),
                     std::log(static_cast<double>(static_cast<float>(options.beta_2))),
                     static_cast<T>(1 - options.beta_1),
                     static_cast<T>(1 - options.beta_2),
                     static_cast<T>(options.epsilon)};
    update<T>(body, values.elements(), state, samples, settled_from(gradients, {&m, &v, &values}, state));
  });
}

void sgd_update(const SGDOptions& options, const Tensor& state, int64_t samples, const Tensor& gradients,
                const Tensor& velocity, const Tensor& values) {
  visit_float(values.dtype(), "sgd", [&](auto zero) {
    using T = decltype(zero);
    SGDBody<T> body{gradients.data<T>(), mutable_data_or_null<T>(velocity), values.mutable_data<T>(),
                    static_cast<T>(options.momentum), options.nesterov};
    update<T>(body, values.elements(), state, samples, settled_from(gradients, {&velocity, &values}, state));
  });
}

}  // namespace manul::cuda
