#include "manul/framework/random.h"
#include "manul/ops/random/dropout.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

OpSample dropped(const char* name, const Shape& shape, double rate) {
  return {name, {{shape}}, [rate](Inputs x) {
            return dropout(x[0], rate, sample_step_state(x[0].device()), random_key("dropout"));
          }};
}

}  // namespace

std::vector<OpSample> dropout_samples() {
  return {
      dropped("dropout", {2, 7, 5, 3}, 0.5),
      dropped("dropout_many", {67, 1025}, 0.2),
      dropped("dropout_rate_zero", {7, 5}, 0),
      dropped("dropout_one_element", {1}, 0.1),
  };
}

}  // namespace manul
