#include "manul/framework/cuda/launch.h"
#include "manul/ops/geometry/random_affine_function.h"

namespace manul::cuda {
namespace {

struct RandomAffineBody {
  RandomAffine random;
  PictureSizes size;
  const StepState* state;
  uint64_t stream;
  int64_t first;
  float* matrices;
  __device__ void operator()(int64_t i) const {
    draw_affine(random, size, *state, stream, first + i, matrices + i * 6);
  }
};

}  // namespace

void random_affine(const RandomAffine& random, const Shape& picture, const Shape& output, const Tensor& state,
                   uint64_t stream, int64_t first, const Tensor& matrices) {
  PictureSizes size{static_cast<double>(picture[0]), static_cast<double>(picture[1]),
                    static_cast<double>(output[0]), static_cast<double>(output[1])};
  for_each(context_of(matrices), matrices.shape()[0],
           RandomAffineBody{random, size, state_in(state), stream, first, matrices.mutable_data<float>()});
}

}  // namespace manul::cuda
