#include "ops/update.h"

#include <cmath>

#include "framework/cpu/parallel.h"

namespace manul {

void Adam::apply(const Tensor& state, int64_t samples) {
  adam_update_kernel(options_, state, samples, parameters().gradients(), slots()[0].values, slots()[1].values,
                     parameters().values());
}

std::vector<std::string> SGD::slot_names() const {
  if (options_.momentum == 0) return {};
  return {"momentum"};
}

void SGD::apply(const Tensor& state, int64_t samples) {
  sgd_update_kernel(options_, state, samples, parameters().gradients(),
                    options_.momentum == 0 ? Tensor() : slots()[0].values, parameters().values());
}

namespace cpu {
namespace {

constexpr int64_t grain = 1 << 14;

/// learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t), t = iteration + 1, with the powers of the betas as
/// float32 knows them.
template <class T>
T adam_rate(const AdamOptions& options, const StepState& state) {
  T step = static_cast<T>(state.iteration + 1);
  T power_1 = std::pow(static_cast<T>(static_cast<float>(options.beta_1)), step);
  T power_2 = std::pow(static_cast<T>(static_cast<float>(options.beta_2)), step);
  return static_cast<T>(state.learning_rate) * std::sqrt(1 - power_2) / (1 - power_1);
}

}  // namespace

void adam_update(const AdamOptions& options, const Tensor& state, int64_t samples, const Tensor& gradients,
                 const Tensor& m, const Tensor& v, const Tensor& values) {
  visit_float(values.dtype(), "adam", [&](auto zero) {
    using T = decltype(zero);
    T rate = adam_rate<T>(options, *static_cast<const StepState*>(state.raw()));
    T take_1 = static_cast<T>(1 - options.beta_1), take_2 = static_cast<T>(1 - options.beta_2);
    T epsilon = static_cast<T>(options.epsilon);
    const T* gradient = gradients.data<T>();
    T *first = m.mutable_data<T>(), *second = v.mutable_data<T>(), *value = values.mutable_data<T>();
    parallel_for(values.elements(), grain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T g = gradient[i];
        first[i] += (g - first[i]) * take_1;
        second[i] += (g * g - second[i]) * take_2;
        value[i] -= first[i] * rate / (std::sqrt(second[i]) + epsilon);
      }
    });
  });
  advance_step(state, samples);
}

void sgd_update(const SGDOptions& options, const Tensor& state, int64_t samples, const Tensor& gradients,
                const Tensor& velocity, const Tensor& values) {
  visit_float(values.dtype(), "sgd", [&](auto zero) {
    using T = decltype(zero);
    T rate = static_cast<T>(static_cast<const StepState*>(state.raw())->learning_rate);
    T momentum = static_cast<T>(options.momentum);
    const T* gradient = gradients.data<T>();
    T* speed = velocity.defined() ? velocity.mutable_data<T>() : nullptr;
    T* value = values.mutable_data<T>();
    parallel_for(values.elements(), grain, [=, nesterov = options.nesterov](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T step = -gradient[i] * rate;
        if (speed) {
          speed[i] = step + speed[i] * momentum;
          step = nesterov ? step + speed[i] * momentum : speed[i];
        }
        value[i] += step;
      }
    });
  });
  advance_step(state, samples);
}

}  // namespace cpu
}  // namespace manul
