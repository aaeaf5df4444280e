#include "manul/ops/random/dropout.h"

#include <algorithm>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/random/dropout_function.h"

namespace manul {

Tensor dropout(const Tensor& x, double rate, const DeviceStepState& state, uint64_t stream) {
  check(rate >= 0 && rate < 1, "dropout: rate {} is not in 0 .. 1 (1 excluded)", rate);
  if (rate == 0) return x;
  Tensor y = Tensor::empty_like(x);
  int64_t first = state.part().first_element(x.elements());
  dropout_kernel(x, rate, state.tensor(), stream, first, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("dropout", y, {x}, [rate, state, stream, first](const Tensor& dy, Gradients& gradients) {
      dropout_kernel(dy, rate, state.tensor(), stream, first, gradients.target(0));
    });
  return y;
}

void cpu::dropout(const Tensor& x, double rate, const Tensor& state, uint64_t stream, int64_t first,
                  const Tensor& y) {
  visit_float(x.dtype(), "dropout", [&](auto zero) {
    using T = decltype(zero);
    constexpr int64_t grain = 1 << 12;  // a multiple of the four elements that share random words
    const T* from = x.data<T>();
    T *to = y.mutable_data<T>(), factor = static_cast<T>(1 / (1 - rate));
    auto* step = state_in(state);
    parallel_for(x.elements(), grain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end;) {
        RandomBits bits = dropout_bits(*step, stream, (first + i) / 4);
        for (int64_t lane = (first + i) % 4; lane < 4 && i < end; ++lane, ++i)
          to[i] = dropout_keeps(bits.words[lane], rate) ? from[i] * factor : T(0);
      }
    });
  });
}

}  // namespace manul
