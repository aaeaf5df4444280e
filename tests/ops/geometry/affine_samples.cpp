#include "manul/ops/geometry/affine_transform.h"
#include "manul/ops/geometry/random_affine.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

/// [2, 6]: the first picture turned, the second moved by one.
const Tensor& turned_and_moved(Device device) {
  return kept_on(device, [](Device where) {
    return Tensor::from<float>({0.8f, -0.6f, 1.3f, 0.6f, 0.8f, -0.7f, 1, 0, 1, 0, 1, 0}, {2, 6}, where);
  });
}

OpSample transformed(const char* name, const AffineOptions& options) {
  return {name, {{{2, 6, 5, 3}}}, [options](Inputs x) {
            return affine_transform(x[0], turned_and_moved(x[0].device()), 7, 4, options);
          }};
}

}  // namespace

std::vector<OpSample> affine_samples() {
  return {
      transformed("affine_reflect", {AffineFill::reflect, AffineInterpolation::bilinear}),
      transformed("affine_wrap", {AffineFill::wrap, AffineInterpolation::bilinear}),
      transformed("affine_nearest", {AffineFill::nearest, AffineInterpolation::nearest}),
      transformed("affine_constant", {AffineFill::constant, AffineInterpolation::bilinear, 0.5}),
      {"random_affine",
       {{{9, 6, 5, 2}}},
       [](Inputs x) {
         RandomAffine random{.flips_horizontally = true,
                             .flips_vertically = true,
                             .rotation = {-0.3, 0.4},
                             .height_shift = {-0.2, 0.1},
                             .width_shift = {0, 0.2},
                             .height_zoom = {0.8, 1.4},
                             .width_zoom = {0.7, 1.2}};
         Tensor matrices =
             random_affine_matrices(9, random, {6, 5}, {6, 5}, sample_step_state(x[0].device()), 7);
         return affine_transform(x[0], matrices, 6, 5);
       },
       1e-4},
  };
}

}  // namespace manul
