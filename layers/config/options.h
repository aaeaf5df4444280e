#pragma once

#include <array>

#include "manul/layers/layer.h"
#include "manul/ops/conv/window.h"

// How option structs read Keras' options: what the layer families have in common.
namespace manul::options {

inline std::array<int64_t, 2> pair(const Size2D& size) {
  return {size.height, size.width};
}
/// [height, width], as Keras writes sizes.
Config config_of(const Size2D& size);
Config config_of(Padding padding);

/// A size written as one integer or as two, both at least 1; `otherwise` where absent or null.
Size2D read_size(const Config& config, std::string_view key, Size2D otherwise);
Padding read_padding(const Config& config);

/// Throws ErrorKind::model_file unless the option is absent, null, or `wanted`.
void require(const Config& config, std::string_view key, const Config& wanted);

/// Keras' initializer objects, without the module names that only some versions know.
Config glorot_uniform();
Config zeros();
Config ones();

/// Options of layers with a kernel and a bias that matter only in training and are not supported here.
inline constexpr auto kernel_and_bias_keys = {"kernel_regularizer", "bias_regularizer",
                                              "activity_regularizer", "kernel_constraint", "bias_constraint"};
/// Of `keys`, those that the config sets to something: see Layer::untrained_options().
Config keep_untrained(const Config& config, std::initializer_list<const char*> keys);

}  // namespace manul::options
