#pragma once

// All layers.
#include "layers/activation.h"
#include "layers/conv2d.h"
#include "layers/dense.h"
#include "layers/dropout.h"
#include "layers/merge.h"
#include "layers/normalization.h"
#include "layers/pooling2d.h"
#include "layers/reshaping.h"
