#pragma once

#include "manul/data/datasets/array_dataset.h"
#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/models/graph/sequential.h"

namespace manul {

using InMemoryDataset = ArrayDataset;

/// f32 or f64 uniform in -1..1.
inline Tensor random_tensor(const Shape& shape, uint64_t key, DType dtype = DType::f32) {
  RandomStream random(key, RandomPurpose::sample, 0, 0);
  std::vector<double> values(shape.elements());
  for (double& value : values) value = random.uniform(-1, 1);
  return Tensor::from(values, shape).to(dtype);
}

/// Small pictures of which half have a bright corner: easy to learn.
inline InMemoryDataset corner_pictures(int64_t count, uint64_t key, Device device = {}) {
  Tensor pictures = random_tensor({count, 9, 10, 2}, key);
  std::vector<int32_t> labels(count);
  for (int64_t i = 0; i < count; ++i) {
    labels[i] = static_cast<int32_t>((i * 7 + 3) % 5 < 2);
    if (labels[i] == 0) continue;
    for (int64_t pixel = 0; pixel < 6; ++pixel) pictures.mutable_data<float>()[i * 180 + pixel] += 0.7F;
  }
  return InMemoryDataset(pictures, Tensor::from(labels, {count}), {}, {.device = device});
}

/// The article's kind of network, small, with a dropout.
inline Sequential small_classifier(double dropout = 0) {
  Sequential model({9, 10, 2});
  model.add(Conv2D{.filters = 4, .kernel_size = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  if (dropout > 0) model.add(Dropout{.rate = dropout});
  model.add(Dense{.units = 8, .activation = Activation::relu});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  return model;
}

}  // namespace manul
