#include "manul/ops/random/random.h"

#include <algorithm>

#include "manul/framework/cpu/parallel.h"

namespace manul {
namespace {

Tensor drawn(Distribution distribution, double first, double second, const Shape& shape,
             const DeviceStepState& state, uint64_t stream, DType dtype) {
  Tensor y = Tensor::empty(shape, dtype, state.tensor().device());
  random_kernel(distribution, first, second, state.tensor(), stream, state.part().first_element(y.elements()),
                y);
  return y;
}

}  // namespace

Tensor random_uniform(const Shape& shape, double low, double high, const DeviceStepState& state,
                      uint64_t stream, DType dtype) {
  check(low <= high, "random_uniform: {} is more than {}", low, high);
  return drawn(Distribution::uniform, low, high, shape, state, stream, dtype);
}

Tensor random_normal(const Shape& shape, double mean, double deviation, const DeviceStepState& state,
                     uint64_t stream, DType dtype) {
  check(deviation >= 0, "random_normal: the deviation {} is negative", deviation);
  return drawn(Distribution::normal, mean, deviation, shape, state, stream, dtype);
}

Tensor random_bernoulli(const Shape& shape, double probability, const DeviceStepState& state, uint64_t stream,
                        DType dtype) {
  check(probability >= 0 && probability <= 1, "random_bernoulli: {} is not a probability", probability);
  return drawn(Distribution::bernoulli, probability, 0, shape, state, stream, dtype);
}

void cpu::random(Distribution distribution, double first, double second, const Tensor& state, uint64_t stream,
                 int64_t place, const Tensor& y) {
  visit_float(y.dtype(), "random numbers", [&](auto zero) {
    using T = decltype(zero);
    constexpr int64_t grain = 1 << 12;  // a multiple of the four elements that share random words
    T* to = y.mutable_data<T>();
    auto* step = state_in(state);
    parallel_for(y.elements(), grain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end;) {
        float numbers[4];
        draw_four(distribution, first, second, step_stream(*step, stream, (place + i) / 4), numbers);
        for (int64_t lane = (place + i) % 4; lane < 4 && i < end; ++lane, ++i) to[i] = numbers[lane];
      }
    });
  });
}

}  // namespace manul
