#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/random/random.h"
#include "manul/tests/ops/samples.h"

namespace manul {

std::vector<OpSample> random_samples() {
  using Inputs = const std::vector<Tensor>&;
  return {
      {"random_uniform",
       {{{3, 5, 7}}},
       [](Inputs x) {
         return multiply(
             x[0], random_uniform(x[0].shape(), -1, 3, sample_step_state(x[0].device()), 9, x[0].dtype()));
       }},
      {"random_normal",
       {{{3, 5, 7}}},
       [](Inputs x) {
         return add(x[0],
                    random_normal(x[0].shape(), 1, 0.5, sample_step_state(x[0].device()), 9, x[0].dtype()));
       }},
      {"random_bernoulli",
       {{{2, 10001}}},
       [](Inputs x) {
         return multiply(
             x[0], random_bernoulli(x[0].shape(), 0.3, sample_step_state(x[0].device()), 9, x[0].dtype()));
       }},
  };
}

}  // namespace manul
