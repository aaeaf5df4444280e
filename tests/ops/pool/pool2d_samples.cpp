#include "manul/ops/pool/pool2d.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Pool = Tensor (*)(const Tensor&, const Pool2DOptions&);

OpSample pool2d_sample(const char* name, Pool pool, const Shape& x, const Pool2DOptions& options = {}) {
  return {
      name, {{x}}, [pool, options](const std::vector<Tensor>& inputs) { return pool(inputs[0], options); }};
}

}  // namespace

std::vector<OpSample> pool2d_samples() {
  constexpr auto same = Padding::same;
  return {
      pool2d_sample("max_pool2d_one_element", max_pool2d, {1, 1, 1, 1}, {.pool = {1, 1}}),
      pool2d_sample("max_pool2d", max_pool2d, {2, 7, 5, 3}),
      pool2d_sample("max_pool2d_same", max_pool2d, {2, 7, 5, 3}, {.padding = same}),
      pool2d_sample("max_pool2d_overlapping", max_pool2d, {2, 9, 8, 19}, {{3, 3}, {2, 1}, same}),
      pool2d_sample("max_pool2d_packs", max_pool2d, {2, 9, 8, 12}, {{3, 3}, {2, 2}, same}),
      pool2d_sample("max_pool2d_large_window", max_pool2d, {1, 20, 19, 4}, {{17, 18}, {1, 1}, same}),
      pool2d_sample("max_pool2d_gaps", max_pool2d, {2, 9, 11, 3}, {{2, 1}, {3, 4}}),
      pool2d_sample("max_pool2d_beyond_picture", max_pool2d, {2, 3, 2, 5}, {{5, 6}, {1, 1}, same}),
      pool2d_sample("max_pool2d_borders", max_pool2d, {2, 9, 8, 8}, {{3, 3}, {2, 2}, Padding::valid, 1}),
      pool2d_sample("max_pool2d_borders_and_same", max_pool2d, {2, 6, 7, 3},
                    {{3, 2}, {1, 2}, same, {{2, 0}, {1, 3}}}),
      pool2d_sample("max_pool2d_borders_beyond_window", max_pool2d, {2, 3, 4, 5},
                    {{2, 2}, {2, 2}, Padding::valid, {{3, 4}, 2}}),
      pool2d_sample("average_pool2d_one_element", average_pool2d, {1, 1, 1, 1}, {.pool = {1, 1}}),
      pool2d_sample("average_pool2d", average_pool2d, {2, 7, 5, 3}),
      pool2d_sample("average_pool2d_same", average_pool2d, {2, 7, 5, 3}, {.padding = same}),
      pool2d_sample("average_pool2d_overlapping", average_pool2d, {2, 9, 8, 19}, {{3, 3}, {2, 1}, same}),
      pool2d_sample("average_pool2d_gaps", average_pool2d, {2, 9, 11, 3}, {{2, 1}, {3, 4}}),
      {"global_average_pool2d",
       {{{2, 7, 5, 3}}},
       [](const std::vector<Tensor>& inputs) { return global_average_pool2d(inputs[0]); }},
      {"global_average_pool2d_packs",
       {{{3, 19, 17, 24}}},
       [](const std::vector<Tensor>& inputs) { return global_average_pool2d(inputs[0]); }},
      {"global_max_pool2d",
       {{{2, 7, 5, 3}}},
       [](const std::vector<Tensor>& inputs) { return global_max_pool2d(inputs[0]); }},
      {"global_max_pool2d_many_channels",
       {{{2, 3, 4, 131}}},
       [](const std::vector<Tensor>& inputs) { return global_max_pool2d(inputs[0]); }},
  };
}

}  // namespace manul
