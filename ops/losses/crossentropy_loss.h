#pragma once

#include "manul/ops/losses/crossentropy.h"
#include "manul/ops/losses/loss_spec.h"

namespace manul {

/// A crossentropy as a loss: computed from the logits where its activation stands before it.
LossSpec crossentropy_loss(std::string name, std::string class_name, std::vector<std::string> aliases,
                           Options options, const Crossentropy& crossentropy);
/// The loss of that kind with no option but this.
LossSpec crossentropy_loss(Loss kind, bool from_logits);

}  // namespace manul
