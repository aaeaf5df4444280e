#include "manul/ops/reduce/cumulative_sum.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;
using ReduceAxes = Tensor (*)(const Tensor&, const Axes&, bool);

OpSample reduction(const char* name, ReduceAxes function, const Shape& shape, const Axes& axes,
                   bool keepdims = false) {
  return {name, {{shape, 0.5, 1.5}}, [=](Inputs x) { return function(x[0], axes, keepdims); }};
}

OpSample cumulative(const char* name, const Shape& shape, int axis,
                    const CumulativeSumOptions& options = {}) {
  return {name, {{shape, 0, 1}}, [=](Inputs x) { return cumulative_sum(x[0], axis, options); }};
}

}  // namespace

std::vector<OpSample> reduce_samples() {
  auto sum_of = [](Inputs x) { return sum(x[0]); };
  auto mean_of = [](Inputs x) { return mean(x[0]); };
  return {
      {"sum", {{{2, 7, 5, 3}, 0, 1}}, sum_of},
      {"sum_many", {{{67, 1025}, 0, 1}}, sum_of},
      {"sum_one_element", {{{1}}}, sum_of},
      {"mean", {{{2, 7, 5, 3}, 0, 1}}, mean_of},
      {"mean_many", {{{129, 1025}, 0, 1}}, mean_of},
      reduction("sum_last_axis", sum, {5, 7, 37}, -1),
      reduction("sum_first_axis", sum, {37, 7, 5}, 0, true),
      reduction("sum_axes_apart", sum, {3, 7, 5, 2}, {0, 2}),
      reduction("sum_all_axes", sum, {3, 7, 5}, {}),
      reduction("mean_of_pixels", mean, {3, 7, 5, 19}, {1, 2}),
      reduction("mean_wide", mean, {3, 5, 1031}, 1),
      reduction("mean_long_line", mean, {1, 40007}, 1),
      reduction("variance_last_axis", variance, {5, 37}, -1),
      reduction("variance_of_pixels", variance, {3, 7, 5, 2}, {1, 2}, true),
      reduction("variance_axes_apart", variance, {3, 7, 5, 2}, {0, 2}),
      reduction("max_last_axis", max, {7, 5, 37}, -1),
      reduction("max_axes_apart", max, {3, 7, 5, 2}, {1, 3}, true),
      reduction("max_long_line", max, {2, 20011}, 1),
      reduction("min_first_axis", min, {37, 5, 3}, 0),
      reduction("min_one_element", min, {1}, {}),
      reduction("prod_middle_axis", prod, {3, 7, 5}, 1),
      reduction("prod_line", prod, {2, 300}, 1),
      cumulative("cumulative_sum_last_axis", {5, 37}, -1),
      cumulative("cumulative_sum_first_axis", {7, 5, 3}, 0, {.reverse = true}),
      cumulative("cumulative_sum_exclusive", {3, 301}, 1, {.exclusive = true}),
      cumulative("cumulative_sum_both", {3, 33, 2}, 1, {.reverse = true, .exclusive = true}),
  };
}

}  // namespace manul
