#pragma once

#include "manul/framework/options_list.h"
#include "manul/ops/regularizers/kinds/l1.h"
#include "manul/ops/regularizers/kinds/l1_l2.h"
#include "manul/ops/regularizers/kinds/l2.h"
#include "manul/ops/regularizers/kinds/orthogonal_regularizer.h"

namespace manul {

/// Keras' regularizers, which files and layers find by name.
using KerasRegularizers = OptionsList<L1, L1L2, L2, OrthogonalRegularizer>;

}  // namespace manul
