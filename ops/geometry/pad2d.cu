#include "manul/ops/geometry/pad2d.h"
#include "manul/ops/geometry/shift_cuda.h"

namespace manul::cuda {

void shift2d(const Tensor& x, const std::array<int64_t, 2>& shift, const Tensor& y) {
  shift_pictures(x, shift, y);
}

}  // namespace manul::cuda
