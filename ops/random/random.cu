#include "manul/framework/cuda/launch.h"
#include "manul/ops/random/random.h"

namespace manul::cuda {
namespace {

/// Four elements, which share their random words.
template <class T>
struct RandomBody {
  Distribution distribution;
  double first, second;
  const StepState* state;
  uint64_t stream;
  int64_t place, elements;
  T* y;
  __device__ void operator()(int64_t block) const {
    float numbers[4];
    draw_four(distribution, first, second, step_stream(*state, stream, place / 4 + block), numbers);
    for (int lane = 0; lane < 4; ++lane) {
      int64_t i = block * 4 + lane - place % 4;
      if (i >= 0 && i < elements) y[i] = static_cast<T>(numbers[lane]);
    }
  }
};

}  // namespace

void random(Distribution distribution, double first, double second, const Tensor& state, uint64_t stream,
            int64_t place, const Tensor& y) {
  visit_float(y.dtype(), "random numbers", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(y), (place % 4 + y.elements() + 3) / 4,
             RandomBody<T>{distribution, first, second, state_in(state), stream, place, y.elements(),
                           y.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
