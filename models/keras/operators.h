#pragma once

#include "manul/framework/config/config.h"

namespace manul::keras {

/// Arithmetic between layers, `x + y` or `tf.nn.relu(x)` in Python, stands in files as an entry of its own:
/// TFOpLambda of tf.keras, an operation of Keras 3. The entry of the layer that does the same: Add, Subtract
/// or Multiply of two tensors, Rescaling with a number, Activation. Any other entry as it is. Throws
/// ErrorKind::model_file for an operation that no layer does.
Config layer_of_operator(const Config& entry);

}  // namespace manul::keras
