#pragma once

#include "manul/framework/initializers/kinds/constant.h"
#include "manul/framework/initializers/kinds/identity.h"
#include "manul/framework/initializers/kinds/orthogonal.h"
#include "manul/framework/initializers/kinds/random_normal.h"
#include "manul/framework/initializers/kinds/random_uniform.h"
#include "manul/framework/initializers/kinds/truncated_normal.h"
#include "manul/framework/initializers/kinds/variance_scaling.h"
#include "manul/framework/options_list.h"

namespace manul {

/// Keras' initializers, which files and names find.
using KerasInitializers = OptionsList<Zeros, Ones, Constant, RandomUniform, RandomNormal, TruncatedNormal,
                                      VarianceScaling, GlorotUniform, GlorotNormal, HeUniform, HeNormal,
                                      LecunUniform, LecunNormal, Orthogonal, Identity>;

}  // namespace manul
