#pragma once

// All layers.
#include "manul/layers/activations.h"
#include "manul/layers/attention.h"
#include "manul/layers/augmentation.h"
#include "manul/layers/convolutional.h"
#include "manul/layers/convolutional_1d.h"
#include "manul/layers/core.h"
#include "manul/layers/embedding.h"
#include "manul/layers/merging.h"
#include "manul/layers/normalization.h"
#include "manul/layers/pooling.h"
#include "manul/layers/preprocessing.h"
#include "manul/layers/regularization.h"
#include "manul/layers/reshaping.h"
#include "manul/layers/reshaping_images.h"
#include "manul/layers/resizing.h"
