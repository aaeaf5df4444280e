#include "manul/models/training/losses.h"

#include "manul/framework/config/not_supported.h"
#include "manul/framework/error.h"
#include "manul/ops/losses/crossentropy_loss.h"

namespace manul {

OutputLoss::OutputLoss(Loss crossentropy) : spec_(crossentropy_loss(crossentropy, false)) {}

OutputLoss::OutputLoss(const LossSpec& loss) : spec_(loss) {
  check(static_cast<bool>(loss.values), "compile: there is no loss {}", loss.name);
}

OutputLoss::OutputLoss(const std::string& name) : spec_(find_loss(name)) {
  if (is_none())
    fail(ErrorKind::usage, "compile: there is no loss {}{}", name, why_not_supported("losses", name));
}

OutputLoss OutputLoss::of_logits() const {
  return spec_.plain && !spec_.from_logits ? OutputLoss(crossentropy_loss(*spec_.plain, true)) : *this;
}

}  // namespace manul
