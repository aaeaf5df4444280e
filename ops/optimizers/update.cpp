#include "manul/ops/optimizers/update.h"

#include <cmath>

#include "manul/framework/cpu/take_range.h"

namespace manul {

namespace {

Tensor part(const Tensor& flat, ParameterSet::Segment segment) {
  return flat.range(segment.begin, {segment.end - segment.begin});
}

}  // namespace

void Adam::apply(const Tensor& state, int64_t samples, ParameterSet::Segment segment) {
  adam_update_kernel(options_, state, samples, part(parameters().gradients(), segment),
                     part(slots()[0].values, segment), part(slots()[1].values, segment),
                     part(parameters().values(), segment));
}

std::vector<std::string> SGD::slot_names() const {
  if (options_.momentum == 0) return {};
  return {"momentum"};
}

void SGD::apply(const Tensor& state, int64_t samples, ParameterSet::Segment segment) {
  sgd_update_kernel(options_, state, samples, part(parameters().gradients(), segment),
                    options_.momentum == 0 ? Tensor() : part(slots()[0].values, segment),
                    part(parameters().values(), segment));
}

GradientTaker Adam::range_update(const Tensor& state) const {
  return cpu::adam_range_update(options_, state, slots()[0].values, slots()[1].values, parameters().values());
}

GradientTaker SGD::range_update(const Tensor& state) const {
  return cpu::sgd_range_update(options_, state, options_.momentum == 0 ? Tensor() : slots()[0].values,
                               parameters().values());
}

namespace cpu {
namespace {

/// learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t), t = iteration + 1, with the powers of the betas as
/// float32 knows them.
template <class T>
T adam_rate(const AdamOptions& options, const StepState& state) {
  T step = static_cast<T>(state.iteration + 1);
  T power_1 = std::pow(static_cast<T>(static_cast<float>(options.beta_1)), step);
  T power_2 = std::pow(static_cast<T>(static_cast<float>(options.beta_2)), step);
  return static_cast<T>(state.learning_rate) * std::sqrt(1 - power_2) / (1 - power_1);
}

/// All of a flat buffer in parallel, then the step is counted.
void update_all(const GradientTaker& update, const Tensor& gradients, const Tensor& state, int64_t samples) {
  take_range(update, 0, gradients.elements(), gradients.raw(), size_of(gradients.dtype()));
  if (samples >= 0) advance_step(state, samples);
}

template <class T>
[[gnu::noinline]] void adam_range(int64_t count, const T* __restrict gradient, T rate, T take_1, T take_2,
                                  T epsilon, T* __restrict first, T* __restrict second, T* __restrict value) {
  for (int64_t i = 0; i < count; ++i) {
    T g = gradient[i];
    first[i] += (g - first[i]) * take_1;
    second[i] += (g * g - second[i]) * take_2;
    value[i] -= first[i] * rate / (std::sqrt(second[i]) + epsilon);
  }
}

template <class T>
[[gnu::noinline]] void sgd_range(int64_t count, const T* __restrict gradient, T rate, T momentum,
                                 bool nesterov, T* __restrict speed, T* __restrict value) {
  for (int64_t i = 0; i < count; ++i) {
    T step = -gradient[i] * rate;
    if (speed) {
      speed[i] = step + speed[i] * momentum;
      step = nesterov ? step + speed[i] * momentum : speed[i];
    }
    value[i] += step;
  }
}

}  // namespace

GradientTaker adam_range_update(const AdamOptions& options, const Tensor& state, const Tensor& m,
                                const Tensor& v, const Tensor& values) {
  return visit_float(values.dtype(), "adam", [&](auto zero) -> GradientTaker {
    using T = decltype(zero);
    T rate = adam_rate<T>(options, *state_in(state));
    T take_1 = static_cast<T>(1 - options.beta_1), take_2 = static_cast<T>(1 - options.beta_2);
    T epsilon = static_cast<T>(options.epsilon);
    T *first = m.mutable_data<T>(), *second = v.mutable_data<T>(), *value = values.mutable_data<T>();
    auto take = [=](int64_t begin, int64_t count, const void* gradient) {
      adam_range(count, static_cast<const T*>(gradient), rate, take_1, take_2, epsilon, first + begin,
                 second + begin, value + begin);
    };
    return {take, {first, second, value}};
  });
}

GradientTaker sgd_range_update(const SGDOptions& options, const Tensor& state, const Tensor& velocity,
                               const Tensor& values) {
  return visit_float(values.dtype(), "sgd", [&](auto zero) -> GradientTaker {
    using T = decltype(zero);
    T rate = static_cast<T>(state_in(state)->learning_rate);
    T momentum = static_cast<T>(options.momentum);
    T* speed = velocity.defined() ? velocity.mutable_data<T>() : nullptr;
    T* value = values.mutable_data<T>();
    auto take = [=, nesterov = options.nesterov](int64_t begin, int64_t count, const void* gradient) {
      sgd_range(count, static_cast<const T*>(gradient), rate, momentum, nesterov,
                speed ? speed + begin : nullptr, value + begin);
    };
    if (!speed) return {take, {value}};
    return {take, {speed, value}};
  });
}

void adam_update(const AdamOptions& options, const Tensor& state, int64_t samples, const Tensor& gradients,
                 const Tensor& m, const Tensor& v, const Tensor& values) {
  update_all(adam_range_update(options, state, m, v, values), gradients, state, samples);
}

void sgd_update(const SGDOptions& options, const Tensor& state, int64_t samples, const Tensor& gradients,
                const Tensor& velocity, const Tensor& values) {
  update_all(sgd_range_update(options, state, velocity, values), gradients, state, samples);
}

}  // namespace cpu
}  // namespace manul
