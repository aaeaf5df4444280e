#pragma once

#include "manul/ops/pointwise/activation_table.h"

namespace manul::pointwise {

/// The activations that the passes of a normalization compute: any that work element by element, few because
/// each costs its own kernels. All others are an op behind it.
using FusedInNormalization = ActivationList<Activation::linear, Activation::relu, Activation::relu6,
                                            Activation::silu, Activation::hard_silu>;

}  // namespace manul::pointwise
