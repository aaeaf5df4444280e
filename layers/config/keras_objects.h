#pragma once

#include "manul/framework/config/description.h"

namespace manul {

/// Keras' initializer objects.
Config glorot_uniform_config();
Config zeros_config();
Config ones_config();

/// Initializers, regularizers and constraints of a layer with a kernel and a bias.
void describe_kernel_and_bias(Description& description);

}  // namespace manul
