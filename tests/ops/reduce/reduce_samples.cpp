#include "manul/ops/reduce/reduce.h"
#include "manul/tests/ops/samples.h"

namespace manul {

std::vector<OpSample> reduce_samples() {
  using Inputs = const std::vector<Tensor>&;
  auto sum_of = [](Inputs x) { return sum(x[0]); };
  auto mean_of = [](Inputs x) { return mean(x[0]); };
  return {
      {"sum", {{{2, 7, 5, 3}, 0, 1}}, sum_of},       {"sum_many", {{{67, 1025}, 0, 1}}, sum_of},
      {"sum_one_element", {{{1}}}, sum_of},          {"mean", {{{2, 7, 5, 3}, 0, 1}}, mean_of},
      {"mean_many", {{{129, 1025}, 0, 1}}, mean_of},
  };
}

}  // namespace manul
