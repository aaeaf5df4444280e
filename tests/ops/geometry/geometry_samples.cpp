#include "manul/ops/geometry/pad2d.h"
#include "manul/ops/geometry/resize2d.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

OpSample pad(const char* name, Border rows, Border columns) {
  return {
      name, {{{2, 4, 5, 3}}}, [=](const std::vector<Tensor>& x) { return zero_pad2d(x[0], rows, columns); }};
}
OpSample crop(const char* name, Border rows, Border columns) {
  return {name, {{{2, 6, 7, 3}}}, [=](const std::vector<Tensor>& x) { return crop2d(x[0], rows, columns); }};
}
OpSample resize(const char* name, const Shape& x, std::array<int64_t, 2> size,
                ResizeInterpolation interpolation) {
  return {name, {{x}}, [=](const std::vector<Tensor>& x) { return resize2d(x[0], size, interpolation); }};
}

}  // namespace

std::vector<OpSample> geometry_samples() {
  constexpr auto nearest = ResizeInterpolation::nearest, bilinear = ResizeInterpolation::bilinear;
  return {
      pad("zero_pad2d", {1, 2}, {3, 0}),
      pad("zero_pad2d_nothing", 0, 0),
      pad("zero_pad2d_far", {0, 9}, {11, 1}),
      crop("crop2d", {1, 2}, {2, 0}),
      crop("crop2d_one_pixel", {5, 0}, {3, 3}),
      resize("resize2d_nearest_up", {2, 3, 4, 3}, {7, 9}, nearest),
      resize("resize2d_nearest_down", {2, 9, 11, 3}, {4, 5}, nearest),
      resize("resize2d_bilinear_up", {2, 3, 4, 3}, {8, 9}, bilinear),
      resize("resize2d_bilinear_down", {2, 9, 11, 3}, {4, 5}, bilinear),
      resize("resize2d_bilinear_mixed", {1, 9, 2, 17}, {3, 13}, bilinear),
      resize("resize2d_bilinear_of_one_pixel", {2, 1, 1, 3}, {3, 4}, bilinear),
      resize("resize2d_bilinear_to_one_pixel", {2, 5, 4, 3}, {1, 1}, bilinear),
      {"upsample2d",
       {{{2, 3, 4, 5}}},
       [](const std::vector<Tensor>& x) {
         return upsample2d(x[0], {2, 3});
       }},
      {"upsample2d_bilinear",
       {{{2, 3, 4, 5}}},
       [](const std::vector<Tensor>& x) {
         return upsample2d(x[0], {3, 2}, ResizeInterpolation::bilinear);
       }},
  };
}

}  // namespace manul
