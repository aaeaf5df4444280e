#pragma once

// All layers.
#include "manul/layers/activation.h"
#include "manul/layers/conv2d.h"
#include "manul/layers/dense.h"
#include "manul/layers/dropout.h"
#include "manul/layers/merge.h"
#include "manul/layers/normalization.h"
#include "manul/layers/pooling2d.h"
#include "manul/layers/reshaping.h"
