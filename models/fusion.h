#pragma once

namespace manul {

/// Which neighbours a model runs as one op. Each gives the same numbers within rounding when it is off.
struct Fusion {
  bool conv_relu_pool = true;    // Conv2D, relu, MaxPooling2D
  bool dense_activation = true;  // Dense and its activation
  bool loss_from_logits = true;  // final sigmoid or softmax and the crossentropy that belongs to it
};

}  // namespace manul
