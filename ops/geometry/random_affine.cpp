#include "manul/ops/geometry/random_affine.h"

#include "manul/ops/geometry/random_affine_function.h"

namespace manul {

Tensor random_affine_matrices(int64_t count, const RandomAffine& random, const Shape& picture,
                              const Shape& output, const DeviceStepState& state, uint64_t stream) {
  Tensor matrices = Tensor::empty({count, 6}, DType::f32, state.tensor().device());
  random_affine_kernel(random, picture, output, state.tensor(), stream, state.part().first_element(count),
                       matrices);
  return matrices;
}

void cpu::random_affine(const RandomAffine& random, const Shape& picture, const Shape& output,
                        const Tensor& state, uint64_t stream, int64_t first, const Tensor& matrices) {
  PictureSizes size{static_cast<double>(picture[0]), static_cast<double>(picture[1]),
                    static_cast<double>(output[0]), static_cast<double>(output[1])};
  float* to = matrices.mutable_data<float>();
  for (int64_t i = 0; i < matrices.shape()[0]; ++i)
    draw_affine(random, size, *state_in(state), stream, first + i, to + i * 6);
}

}  // namespace manul
