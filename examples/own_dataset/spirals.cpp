// Points of two spirals that are wound into each other, made while the model trains: nothing is stored.
#include <cmath>
#include <cstdio>

#include "manul/manul.h"

using namespace manul;

/// Sample i is point i / 2 of spiral i % 2. For a model on the CPU: on a GPU fill would be a kernel.
class Spirals : public Dataset {
 public:
  explicit Spirals(int64_t size) : size_(size) {}

  int64_t size() const override { return size_; }
  BatchSpec spec() const override {
    return {.inputs = {{{2}, DType::f32}}, .labels = {{{}, DType::i32}}, .weights = {}};
  }

 protected:
  void set_order(const std::vector<int32_t>& order) override { order_ = order; }

  void fill(const DeviceStepState& state, const Batch& batch) override {
    float* point = batch.inputs[0].mutable_data<float>();
    int32_t* label = batch.labels[0].mutable_data<int32_t>();
    int64_t position = state.read().position;
    for (int64_t i = 0; i < batch.labels[0].elements(); ++i) {
      int32_t sample = order_[static_cast<size_t>(position + i)];
      double turn = static_cast<double>(sample) / static_cast<double>(size_);
      double angle = 6 * turn + 3.14159265 * (sample % 2);
      point[2 * i] = static_cast<float>(turn * std::cos(angle));
      point[2 * i + 1] = static_cast<float>(turn * std::sin(angle));
      label[i] = sample % 2;
    }
  }

 private:
  int64_t size_;
  std::vector<int32_t> order_;
};

int main() {
  Spirals data(1000);
  Sequential model({2});
  model.add(Dense{.units = 32, .activation = Activation::tanh});
  model.add(Dense{.units = 32, .activation = Activation::tanh});
  model.add(Dense{.units = 2, .activation = Activation::softmax});
  model.compile(Adam({.learning_rate = 0.01}), Loss::sparse_categorical_crossentropy, {Metric::accuracy});
  model.fit(data, {.epochs = 40});
  double accuracy = *find_log(model.evaluate(data), "accuracy");
  std::printf("accuracy %.3f\n", accuracy);
  return accuracy > 0.97 ? 0 : 1;
}
