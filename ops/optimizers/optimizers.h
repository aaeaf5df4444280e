#pragma once

#include "manul/ops/optimizers/kinds/adadelta.h"
#include "manul/ops/optimizers/kinds/adagrad.h"
#include "manul/ops/optimizers/kinds/adam.h"
#include "manul/ops/optimizers/kinds/adamax.h"
#include "manul/ops/optimizers/kinds/adamw.h"
#include "manul/ops/optimizers/kinds/ftrl.h"
#include "manul/ops/optimizers/kinds/lamb.h"
#include "manul/ops/optimizers/kinds/lion.h"
#include "manul/ops/optimizers/kinds/nadam.h"
#include "manul/ops/optimizers/kinds/rmsprop.h"
#include "manul/ops/optimizers/kinds/sgd.h"

namespace manul {

/// Keras' optimizers: all that is compiled, found by name, read and written follows from this list.
using KerasOptimizers =
    OptionsList<AdadeltaOptions, AdagradOptions, AdamOptions, AdamaxOptions, AdamWOptions, FtrlOptions,
                LambOptions, LionOptions, NadamOptions, RMSpropOptions, SGDOptions>;

}  // namespace manul
