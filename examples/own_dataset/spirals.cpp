// Points of two spirals that are wound into each other, made while the model trains: nothing is stored.
#include <cmath>
#include <cstdio>

#include "manul/manul.h"

using namespace manul;

/// Sample i is point i / 2 of spiral i % 2. For a model on the CPU: on a GPU next_batch would be a kernel.
class Spirals : public Dataset {
 public:
  explicit Spirals(int64_t size) : size_(size) {}

  int64_t size() const override { return size_; }
  Shape sample_shape() const override { return {2}; }
  const std::vector<std::string>& class_names() const override { return names_; }
  void begin_epoch(int64_t epoch, uint64_t seed, bool shuffle) override {
    order_ = order_of_epoch(size_, epoch, seed, shuffle);
  }

  void next_batch(const DeviceStepState& state, const Tensor& inputs, const Tensor& labels) override {
    float* point = inputs.mutable_data<float>();
    int32_t* label = labels.mutable_data<int32_t>();
    int64_t position = state.read().position;
    for (int64_t i = 0; i < labels.elements(); ++i) {
      int32_t sample = order_.at(static_cast<size_t>(position + i));
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
  std::vector<std::string> names_{"inner", "outer"};
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
