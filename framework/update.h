#pragma once

#include <cmath>
#include <vector>

#include "manul/framework/host_device.h"
#include "manul/framework/kernel.h"
#include "manul/framework/step.h"

namespace manul {

/// What happens to gradients and weights before an optimizer's own update, by parameter.
struct Treatments {
  Tensor parameter_of;  // i32 [n / 16]: the row of every 16 elements of the flat buffers
  /// [parameters, 3]: what gradients are multiplied and then divided by, and the decay of the weights, which
  /// the learning rate multiplies.
  Tensor factors;
  double clipvalue = INFINITY;

  bool any() const { return factors.defined(); }
};

/// How many batches make an update, for host and device.
struct AccumulationSteps {
  int64_t count;
  double inverse;

  AccumulationSteps(int64_t count) : count(count), inverse(1. / static_cast<double>(count)) {}
  /// Updates in so many batches (below 2^50). Not by a division of int64_t: on a GPU it takes so many
  /// registers that a third fewer blocks of an update run at once.
  MANUL_HOST_DEVICE int64_t updates(int64_t batches) const {
    auto updates = static_cast<int64_t>(static_cast<double>(batches) * inverse);
    int64_t rest = batches - updates * count;
    return rest < 0 ? updates - 1 : rest >= count ? updates + 1 : updates;
  }
};

/// What an optimizer updates at once: elements [begin, begin + n) of flat buffers. All tensors lie on one
/// device.
struct Update {
  Tensor state;                    // StepState
  double learning_rate = 0;        // where the state has none
  AccumulationSteps together = 1;  // batches that make an update: of the others nothing is applied
  int64_t samples = not_counted;
  int64_t begin = 0;
  Tensor gradients, values;        // [n]
  std::vector<Tensor> slots = {};  // [n] each
  const Treatments* treatments = nullptr;

  /// Of `samples`: the step is not counted here.
  static constexpr int64_t not_counted = -1;

  /// A stretch of this one.
  Update range(int64_t first, int64_t count) const;
};

/// What an update of one element may know of the step.
template <class T>
struct UpdateStep {
  int64_t number;   // of this update, from 1
  T learning_rate;  // of this update
};

/// Of a state and an Update; `applies` is false while gradients are still collected.
template <class T>
struct UpdateMoment {
  UpdateStep<T> step;
  bool applies;

  MANUL_HOST_DEVICE UpdateMoment(const StepState& state, double learning_rate,
                                 const AccumulationSteps& together) {
    step.number = together.updates(state.iteration) + 1;
    applies = together.updates(state.iteration + 1) == step.number;
    double rate = state.learning_rate;
    step.learning_rate = static_cast<T>(rate == rate ? rate : learning_rate);
  }
};

/// Treatments of one parameter.
template <class T>
struct Treatment {
  T multiply, divide, clip, decay, rate;

  MANUL_HOST_DEVICE void operator()(T& gradient, T& value) const {
    gradient = gradient * multiply / divide;
    gradient = gradient > clip ? clip : gradient < -clip ? -clip : gradient;
    value -= value * decay * rate;
  }
};

/// What a gradient of this norm is multiplied and then divided by: as Keras' clipnorm and global_clipnorm do.
template <class T>
struct ClipFactors {
  T multiply, divide;

  MANUL_HOST_DEVICE ClipFactors(T norm, T limit, bool is_global) {
    T one = 1;
    if (is_global) {
      multiply = limit * (norm > limit ? one / norm : one / limit);
      divide = one;
    } else {
      multiply = limit;
      divide = norm > limit ? norm : limit;
    }
  }
};

/// The same of a step of this norm that becomes as long as the values.
template <class T>
struct TrustRatio {
  T multiply = 1, divide = 1;

  MANUL_HOST_DEVICE TrustRatio(T of_values, T of_step) {
    if (!(of_values > 0 && of_step > 0)) return;
    multiply = of_values;
    divide = of_step;
  }
};

/// The running average of one weight.
template <class T>
struct AverageMoment {
  T keep, take;
  bool overwrites;

  MANUL_HOST_DEVICE AverageMoment(const StepState& state, const AccumulationSteps& together, double momentum,
                                  int64_t frequency) {
    int64_t updates = together.updates(state.iteration);
    keep = updates == 0 ? T(0) : static_cast<T>(momentum);
    take = T(1) - keep;
    overwrites = frequency > 0 && (updates + 1) % frequency == 0;
  }
  MANUL_HOST_DEVICE void operator()(T& value, T& average) const {
    average = keep * average + take * value;
    if (overwrites) value = average;
  }
};

/// Where the gradients of parameters lie, cut into pieces of at most `length` elements.
struct GradientChunks {
  Tensor places;  // i32 [chunks, 2]: where each begins, in units of 16 elements, and how many elements it has
  Tensor first_of;  // i32 [parameters + 1]: the first chunk of each
  static constexpr int64_t length = 1 << 14;
};

/// Adds the gradients to `collected`; with the last of `together` batches they become the mean of all
/// instead, and `collected` zero.
MANUL_KERNEL(collect_gradients, void(const Tensor& state, const AccumulationSteps& together,
                                     const Tensor& gradients, const Tensor& collected));
/// Sets what the gradients of each parameter are multiplied and divided by (`factors`, see Treatments), so
/// that the norm of each, or the norm of all where `is_global`, is at most `limit`.
MANUL_KERNEL(clip_norms, void(const Tensor& gradients, const Tensor& places, const Tensor& first_of,
                              double limit, bool is_global, const Tensor& factors));
/// Sets what steps of each parameter are multiplied and divided by (`factors`, see Treatments) so that their
/// norm is that of the parameter's values; where one of the two norms is 0, nothing changes.
MANUL_KERNEL(trust_ratios, void(const Tensor& values, const Tensor& steps, const Tensor& places,
                                const Tensor& first_of, const Tensor& factors));
/// average = momentum * average + (1 - momentum) * value, after the first update the value; after every
/// `frequency` updates (0: never) the averages take the place of the values.
MANUL_KERNEL(average_values, void(const Tensor& state, const AccumulationSteps& together, double momentum,
                                  int64_t frequency, const Tensor& values, const Tensor& averages));

}  // namespace manul
