#pragma once

#include "manul/ops/schedules/kinds/cosine_decay.h"
#include "manul/ops/schedules/kinds/cosine_decay_restarts.h"
#include "manul/ops/schedules/kinds/exponential_decay.h"
#include "manul/ops/schedules/kinds/inverse_time_decay.h"
#include "manul/ops/schedules/kinds/piecewise_constant_decay.h"
#include "manul/ops/schedules/kinds/polynomial_decay.h"

namespace manul {

/// Keras' schedules: all that is compiled, found by name, read and written follows from this list.
using KerasSchedules = OptionsList<CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay,
                                   PiecewiseConstantDecay, PolynomialDecay>;

}  // namespace manul
