#include "manul/ops/geometry/affine_transform.h"
#include "manul/ops/geometry/random_affine.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

OpSample transformed(const char* name, const AffineOptions& options, std::vector<float> matrix) {
  return {name, {{{2, 6, 5, 3}}}, [options, matrix](Inputs x) {
            std::vector<float> both(matrix);
            both.insert(both.end(), {1, 0, 1, 0, 1, 0});
            return affine_transform(x[0], Tensor::from(both, {2, 6}, x[0].device()), 7, 4, options);
          }};
}

}  // namespace

std::vector<OpSample> affine_samples() {
  const std::vector<float> turned{0.8f, -0.6f, 1.3f, 0.6f, 0.8f, -0.7f};
  return {
      transformed("affine_reflect", {AffineFill::reflect, AffineInterpolation::bilinear}, turned),
      transformed("affine_wrap", {AffineFill::wrap, AffineInterpolation::bilinear}, turned),
      transformed("affine_nearest", {AffineFill::nearest, AffineInterpolation::nearest}, turned),
      transformed("affine_constant", {AffineFill::constant, AffineInterpolation::bilinear, 0.5}, turned),
      {"random_affine",
       {{{9, 6, 5, 2}}},
       [](Inputs x) {
         DeviceStepState state(x[0].device());
         state.write({.iteration = 3, .seed = 11});
         RandomAffine random{.flips_horizontally = true,
                             .flips_vertically = true,
                             .rotation = {-0.3, 0.4},
                             .height_shift = {-0.2, 0.1},
                             .width_shift = {0, 0.2},
                             .height_zoom = {0.8, 1.4},
                             .width_zoom = {0.7, 1.2}};
         Tensor matrices = random_affine_matrices(9, random, {6, 5}, {6, 5}, state, 7);
         return affine_transform(x[0], matrices, 6, 5);
       },
       1e-4},
  };
}

}  // namespace manul
