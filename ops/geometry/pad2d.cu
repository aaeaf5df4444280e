#include "manul/framework/cuda/launch.h"
#include "manul/ops/geometry/pad2d.h"

namespace manul::cuda {
namespace {

template <class T>
struct Shift {
  const T* x;
  std::array<int64_t, 2> input, output, shift;
  int64_t channels;
  T* y;
  __device__ void operator()(int64_t i) const {
    int64_t c = i % channels, pixel = i / channels;
    int64_t column = pixel % output[1] - shift[1], line = pixel / output[1];
    int64_t row = line % output[0] - shift[0], n = line / output[0];
    bool inside = row >= 0 && row < input[0] && column >= 0 && column < input[1];
    y[i] = inside ? x[((n * input[0] + row) * input[1] + column) * channels + c] : T(0);
  }
};

}  // namespace

void shift2d(const Tensor& x, const std::array<int64_t, 2>& shift, const Tensor& y) {
  visit_float(x.dtype(), "shift2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), y.elements(),
             Shift<T>{x.data<T>(),
                      {x.shape()[1], x.shape()[2]},
                      {y.shape()[1], y.shape()[2]},
                      shift,
                      y.shape()[3],
                      y.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
