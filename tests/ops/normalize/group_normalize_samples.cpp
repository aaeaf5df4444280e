#include "manul/ops/normalize/group_normalize.h"
#include "manul/ops/normalize/unit_normalize.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

OpSample layer(const char* name, const Shape& shape, AxisRange axes, bool parameters_stay_f32 = false) {
  Shape lengths(std::span(shape.begin() + axes.first, static_cast<size_t>(axes.count)));
  return {name,
          {{shape, -2, 3},
           {lengths, 0.5, 2, true, DType::f32, parameters_stay_f32},
           {lengths, -1, 1, true, DType::f32, parameters_stay_f32}},
          [axes](Inputs x) { return layer_normalize(x[0], x[1], x[2], axes, 1e-3); }};
}

OpSample group(const char* name, const Shape& shape, int64_t groups) {
  Shape channels{shape[-1]};
  return {
      name,
      {{shape, -2, 3}, {channels, 0.5, 2, true, DType::f32, true}, {channels, -1, 1, true, DType::f32, true}},
      [groups](Inputs x) { return group_normalize(x[0], x[1], x[2], groups, 1e-3); }};
}

}  // namespace

std::vector<OpSample> group_normalize_samples() {
  return {
      layer("layer_normalize", {5, 7}, {1, 1}),
      layer("layer_normalize_many", {3, 9, 131}, {2, 1}),
      layer("layer_normalize_axes", {3, 4, 5, 6}, {1, 3}),
      layer("layer_normalize_long", {2, 2100}, {1, 1}),
      layer("layer_normalize_rows", {70, 384}, {1, 1}, true),
      layer("layer_normalize_wide", {5, 808}, {1, 1}, true),
      layer("layer_normalize_wider", {3, 4104}, {1, 1}, true),
      layer("layer_normalize_longest", {2, 8200}, {1, 1}, true),
      {"layer_normalize_of_a_sum",
       {{{9, 32}, -2, 3}, {{32}, 0.5, 2, true, DType::f32, true}, {{32}, -1, 1, true, DType::f32, true}},
       [](Inputs x) {
         return add(x[0], layer_normalize(scale(x[0], 2), x[1], x[2], {1, 1}, 1e-3)) +
                layer_normalize(x[0], x[1], {}, {1, 1}, 1e-3);
       }},
      layer("layer_normalize_in_the_middle", {2, 5, 3, 4}, {1, 1}),
      layer("layer_normalize_two_in_the_middle", {2, 5, 3, 4}, {1, 2}),
      {"layer_normalize_bare",
       {{{4, 7}, -2, 3}},
       [](Inputs x) {
         return layer_normalize(x[0], {}, {}, {1, 1}, 1e-3);
       }},
      group("group_normalize", {2, 4, 5, 6}, 3),
      group("group_normalize_one_group", {2, 4, 5, 6}, 1),
      group("group_normalize_instance", {3, 4, 5, 6}, 6),
      group("group_normalize_wide", {2, 3, 3, 66}, 2),
      group("group_normalize_rows", {4, 6}, 2),
      group("group_normalize_packs", {3, 5, 5, 64}, 4),
      group("group_normalize_long", {1, 24, 24, 64}, 4),
      {"group_normalize_channels_first",
       {{{2, 6, 4, 3}, -2, 3}, {{6}, 0.5, 2}, {{6}}},
       [](Inputs x) { return group_normalize(x[0], x[1], x[2], 2, 1e-3, 1); }},
      {"unit_normalize_in_the_middle",
       {{{2, 5, 3, 4}}},
       [](Inputs x) {
         return unit_normalize(x[0], {1, 2});
       }},
      {"group_normalize_channels_first_packs",
       {{{2, 6, 4, 8}, -2, 3}, {{6}, 0.5, 2}, {{6}}},
       [](Inputs x) { return group_normalize(x[0], x[1], x[2], 2, 1e-3, 1); }},
      {"group_normalize_bare",
       {{{2, 3, 4, 6}, -2, 3}},
       [](Inputs x) { return group_normalize(x[0], {}, {}, 2, 1e-3); }},
      {"unit_normalize",
       {{{5, 7}}},
       [](Inputs x) {
         return unit_normalize(x[0], {1, 1});
       }},
      {"unit_normalize_axes",
       {{{3, 4, 5, 6}}},
       [](Inputs x) {
         return unit_normalize(x[0], {2, 2});
       }},
  };
}

}  // namespace manul
