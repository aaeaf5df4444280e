#pragma once

#include "manul/data/datasets/dataset.h"
#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/models/graph/sequential.h"

namespace manul {

/// Samples held in host memory.
class InMemoryDataset : public Dataset {
 public:
  /// inputs f32 [N, ..], labels [N] or [N, ..] of any dtype.
  InMemoryDataset(Tensor inputs, Tensor labels) : inputs_(std::move(inputs)), labels_(std::move(labels)) {}

  int64_t size() const override { return inputs_.shape()[0]; }
  Shape sample_shape() const override { return inputs_.shape().sample(); }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  Shape label_shape(int64_t batch) const override { return labels_.shape().sample().batch_of(batch); }
  DType label_dtype() const override { return labels_.dtype(); }

  void begin_epoch(int64_t epoch, uint64_t seed, bool shuffle) override {
    order_ = order_of_epoch(size(), epoch, seed, shuffle);
  }

  bool is_resident() const override { return true; }
  void next_batch(const DeviceStepState& state, const Tensor& inputs, const Tensor& labels) override {
    int64_t position = state.read().position, length = inputs.shape()[0];
    check(position + length <= size(), "data: the batch at {} ends behind the {} samples", position, size());
    for (int64_t i = 0; i < length; ++i) {
      copy_sample(inputs_, order_[position + i], inputs, i);
      copy_sample(labels_, order_[position + i], labels, i);
    }
  }

 private:
  static void copy_sample(const Tensor& from, int64_t from_index, const Tensor& to, int64_t to_index) {
    Shape sample = from.shape().sample();
    to.range(to_index * sample.elements(), sample)
        .copy_from(from.range(from_index * sample.elements(), sample));
  }

  Tensor inputs_, labels_;
  std::vector<std::string> class_names_;
  std::vector<int32_t> order_;
};

/// f32 or f64 uniform in -1..1.
inline Tensor random_tensor(const Shape& shape, uint64_t key, DType dtype = DType::f32) {
  RandomStream random(key, RandomPurpose::sample, 0, 0);
  std::vector<double> values(shape.elements());
  for (double& value : values) value = random.uniform(-1, 1);
  return Tensor::from(values, shape).to(dtype);
}

/// Small pictures of which half have a bright corner: easy to learn.
inline InMemoryDataset corner_pictures(int64_t count, uint64_t key) {
  Tensor pictures = random_tensor({count, 9, 10, 2}, key);
  std::vector<int32_t> labels(count);
  for (int64_t i = 0; i < count; ++i) {
    labels[i] = static_cast<int32_t>((i * 7 + 3) % 5 < 2);
    if (labels[i] == 0) continue;
    for (int64_t pixel = 0; pixel < 6; ++pixel) pictures.mutable_data<float>()[i * 180 + pixel] += 0.7F;
  }
  return {pictures, Tensor::from(labels, {count})};
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
