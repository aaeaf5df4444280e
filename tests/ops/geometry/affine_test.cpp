#include "manul/framework/step.h"
#include "manul/layers/augmentation.h"
#include "manul/ops/geometry/affine_transform.h"
#include "manul/ops/geometry/random_affine.h"
#include "manul/testing/op_check.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Affine, OpTest, testing::ValuesIn(affine_samples()), name_of_sample);

const ErrorSample affine_errors[] = {
    {"rank",
     [] {
       affine_transform(Tensor::zeros({2, 3, 4}), Tensor::zeros({2, 6}), 3, 4);
     },
     "affine_transform: [2, 3, 4] is not a batch of pictures [N, H, W, C]"},
    {"matrices",
     [] {
       affine_transform(Tensor::zeros({2, 3, 4, 1}), Tensor::zeros({1, 6}), 3, 4);
     },
     "affine_transform: pictures [2, 3, 4, 1] want f32 matrices [N, 6], not f32 [1, 6]"},
};
INSTANTIATE_TEST_SUITE_P(Affine, OpErrorTest, testing::ValuesIn(affine_errors), name_of_sample);

/// What is drawn from between a number and itself is that number.
RandomAffine certain(const std::string& what, const std::vector<double>& numbers) {
  Between first{numbers.front(), numbers.front()}, second{numbers.back(), numbers.back()};
  if (what == "rotation") return {.rotation = first};
  if (what == "shift") return {.height_shift = first, .width_shift = second};
  return {.height_zoom = first, .width_zoom = second};
}

TEST(Affine, AgreesWithKerasRandomLayers) {
  Fixture fixture(reference_file("affine.h5"));
  Tensor x = fixture.tensor("input");
  Shape size{x.shape()[1], x.shape()[2]};
  int cases = 0;
  for (const std::string& name : fixture.names("/")) {
    if (name == "input") continue;
    RandomAffine random = certain(fixture.text(name, "what"), fixture.values(name + "/numbers"));
    Tensor matrices = random_affine_matrices(1, random, size, size, DeviceStepState(), 1);
    EXPECT_LE(normalised_error(matrices, fixture.tensor(name + "/matrix")), 1e-6) << name;
    AffineOptions options{*OptionType<AffineFill>::read(fixture.text(name, "fill_mode")),
                          *OptionType<AffineInterpolation>::read(fixture.text(name, "interpolation")), 0.25};
    Tensor y = affine_transform(x, matrices, size[0], size[1], options);
    EXPECT_LE(normalised_error(y, fixture.tensor(name + "/output")), 1e-5) << name;
    ++cases;
  }
  EXPECT_GE(cases, 11);
}

}  // namespace
}  // namespace manul
