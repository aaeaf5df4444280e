#pragma once

#include <map>
#include <string>

#include "manul/framework/step.h"
#include "manul/testing/op_sample.h"

namespace manul {

/// What `make` gives for `device`, made once and kept as long as the program: a captured step reads it again,
/// and may neither make nor write it.
template <class Make>
const auto& kept_on(Device device, const Make& make) {
  static std::map<std::string, decltype(make(device))> kept;  // of this type of `make` alone
  auto found = kept.find(device.name());
  if (found == kept.end()) found = kept.emplace(device.name(), make(device)).first;
  return found->second;
}

/// The step state that samples of random ops draw with.
inline const DeviceStepState& sample_step_state(Device device) {
  return kept_on(device, [](Device where) {
    DeviceStepState state(where);
    state.write({.iteration = 3, .seed = 11});
    return state;
  });
}

// The sample table of each family of ops: NAME_samples.cpp beside NAME_test.cpp.
std::vector<OpSample> pointwise_samples();
std::vector<OpSample> matmul_samples();
std::vector<OpSample> conv2d_samples();
std::vector<OpSample> depthwise_conv2d_samples();
std::vector<OpSample> conv2d_transpose_samples();
std::vector<OpSample> pool2d_samples();
std::vector<OpSample> geometry_samples();
std::vector<OpSample> conv_relu_pool_samples();
std::vector<OpSample> conv2d_activation_samples();
std::vector<OpSample> normalize_activation_samples();
std::vector<OpSample> normalize_samples();
std::vector<OpSample> group_normalize_samples();
std::vector<OpSample> reduce_samples();
std::vector<OpSample> loss_samples();
std::vector<OpSample> dropout_samples();
std::vector<OpSample> shape_samples();
std::vector<OpSample> random_samples();
std::vector<OpSample> affine_samples();

}  // namespace manul
