#include "manul/framework/cuda/launch.h"
#include "manul/ops/random/dropout.h"
#include "manul/ops/random/dropout_function.h"

namespace manul::cuda {
namespace {

/// Four elements, which share their random words.
template <class T>
struct DropoutBody {
  const T* x;
  int64_t elements;
  double rate;
  T factor;
  const StepState* state;
  uint64_t stream;
  int64_t first;
  T* y;
  __device__ void operator()(int64_t block) const {
    RandomBits bits = dropout_bits(*state, stream, first / 4 + block);
    for (int lane = 0; lane < 4; ++lane) {
      int64_t i = block * 4 + lane - first % 4;
      if (i >= 0 && i < elements) y[i] = dropout_keeps(bits.words[lane], rate) ? x[i] * factor : T(0);
    }
  }
};

}  // namespace

void dropout(const Tensor& x, double rate, const Tensor& state, uint64_t stream, int64_t first,
             const Tensor& y) {
  visit_float(x.dtype(), "dropout", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), (first % 4 + x.elements() + 3) / 4,
             DropoutBody<T>{x.data<T>(), x.elements(), rate, static_cast<T>(1 / (1 - rate)), state_in(state),
                            stream, first, y.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
