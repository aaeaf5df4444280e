#pragma once

#include "manul/models/graph/sequential.h"

namespace manul {

struct CatdogOptions {
  int64_t size = 64;     // pixels of a picture's side
  int64_t classes = 2;   // two: one sigmoid output; more: a softmax
  int64_t strides = 3;   // of the convolution
  int64_t channels = 3;  // of the pictures: 1 for gray
};

/// The article's network: Conv2D(32, 3x3, relu) - MaxPooling2D(2) - Flatten - Dense(128, relu) - Dense(1,
/// sigmoid). What the article writes as Convolution2D(32, 3, 3) is a 3x3 kernel with stride 3 in every Keras
/// of today; stride 1 is what Keras 1 made of it. 410,753 parameters with stride 3, 3,937,409 with stride 1.
Sequential catdog_network(const CatdogOptions& options = {});

/// The loss that belongs to its output.
Loss catdog_loss(const CatdogOptions& options);

}  // namespace manul
