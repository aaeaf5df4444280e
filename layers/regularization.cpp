#include "manul/layers/regularization.h"

#include "manul/framework/random.h"
#include "manul/ops/random/dropout.h"

namespace manul {

void Dropout::describe(Description& description) {
  description.required({"rate", "p"}, rate, from_to_below(0, 1));
  description.for_training("noise_shape");
  description.kept("seed");
}

Tensor Dropout::call(const Tensor& x, const CallContext& context) const {
  if (!context.training || rate == 0) return x;
  check(context.state != nullptr, "{}: a Dropout in training draws from the state of the step", name);
  return dropout(x, rate, *context.state, random_key(name.c_str()));
}

}  // namespace manul
