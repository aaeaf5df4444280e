#pragma once

#include "manul/layers/config/description.h"

namespace manul {

/// Initializers, regularizers and constraints of convolutions whose kernel is in parts, as Keras calls them.
void describe_depthwise_kernel(Description& description);
/// Keras 2 writes those of a kernel, which a separable convolution does not have, all the same.
void describe_pointwise_kernel(Description& description);
void describe_bias(Description& description);

}  // namespace manul
