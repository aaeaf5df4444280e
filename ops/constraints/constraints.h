#pragma once

#include "manul/framework/options_list.h"
#include "manul/ops/constraints/kinds/max_norm.h"
#include "manul/ops/constraints/kinds/min_max_norm.h"
#include "manul/ops/constraints/kinds/non_neg.h"
#include "manul/ops/constraints/kinds/unit_norm.h"

namespace manul {

/// Keras' constraints, which files and layers find by name.
using KerasConstraints = OptionsList<MaxNorm, MinMaxNorm, NonNeg, UnitNorm>;

}  // namespace manul
