#include "manul/ops/reduce/cumulative_sum.h"

#include <algorithm>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"

namespace manul {

Tensor cumulative_sum(const Tensor& x, int axis, const CumulativeSumOptions& options) {
  int along = Axes(axis).of(x.shape(), "cumulative_sum")[0];
  AxisView view = view_axes(x.shape(), along, along);
  Tensor y = Tensor::empty_like(x);
  cumulative_sum_kernel(view, options, x, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("cumulative_sum", y, {x}, [view, options](const Tensor& dy, Gradients& gradients) {
      CumulativeSumOptions back{.reverse = !options.reverse, .exclusive = options.exclusive};
      cumulative_sum_kernel(view, back, dy, gradients.target(0));
    });
  return y;
}

void cpu::cumulative_sum(const AxisView& axis, const CumulativeSumOptions& options, const Tensor& x,
                         const Tensor& y) {
  visit_float(x.dtype(), "cumulative_sum", [&](auto zero) {
    using T = decltype(zero);
    constexpr int64_t most_columns = 512, grain_elements = 1 << 14;
    int64_t columns = std::min(axis.inner, most_columns);
    if (axis.lines() == 0 || axis.length == 0) return;
    int64_t blocks = (axis.inner + columns - 1) / columns;
    int64_t grain = std::max(grain_elements / (axis.length * columns), int64_t{1});
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    parallel_for(axis.outer * blocks, grain, [=, &axis](int64_t begin, int64_t end) {
      double sums[most_columns];
      for (int64_t task = begin; task < end; ++task) {
        int64_t first = task % blocks * columns, width = std::min(columns, axis.inner - first);
        std::fill_n(sums, width, 0.0);
        for (int64_t k = 0; k < axis.length; ++k) {
          int64_t row = options.reverse ? axis.length - 1 - k : k;
          int64_t at = (task / blocks * axis.length + row) * axis.inner + first;
          for (int64_t j = 0; j < width; ++j) {
            double before = sums[j];
            sums[j] += static_cast<double>(from[at + j]);
            to[at + j] = static_cast<T>(options.exclusive ? before : sums[j]);
          }
        }
      }
    });
  });
}

}  // namespace manul
