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
  int64_t elements;
  T* y;
  __device__ void operator()(int64_t block) const {
    float numbers[4];
    draw_four(distribution, first, second, step_stream(*state, stream, block), numbers);
    for (int lane = 0; lane < 4; ++lane)
      if (block * 4 + lane < elements) y[block * 4 + lane] = static_cast<T>(numbers[lane]);
  }
};

}  // namespace

void random(Distribution distribution, double first, double second, const Tensor& state, uint64_t stream,
            const Tensor& y) {
  visit_float(y.dtype(), "random numbers", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(y), (y.elements() + 3) / 4,
             RandomBody<T>{distribution, first, second, state_in(state), stream, y.elements(),
                           y.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
