#include "manul/framework/random.h"
#include "manul/ops/random/dropout.h"
#include "manul/tests/ops/samples.h"

#include <map>
#include <string>

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

/// A step state on `device` that lives as long as the program: a captured step reads it again.
const DeviceStepState& step_state(Device device) {
  static std::map<std::string, DeviceStepState> states;
  auto found = states.find(device.name());
  if (found == states.end()) {
    found = states.emplace(device.name(), DeviceStepState(device)).first;
    found->second.write({.iteration = 3, .seed = 11});
  }
  return found->second;
}

OpSample dropped(const char* name, const Shape& shape, double rate) {
  return {name, {{shape}}, [rate](Inputs x) {
            return dropout(x[0], rate, step_state(x[0].device()), random_key("dropout"));
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
