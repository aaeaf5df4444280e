// A training loop written out, with something in it that fit() has not: the second half of each batch is the
// first half again with noise, and its predictions should be those of the first half.
#include <cmath>
#include <cstdio>

#include "manul/manul.h"

using namespace manul;

int main() {
  int64_t size = 256;
  Tensor x = Tensor::empty({size, 2}), labels = Tensor::empty({size, 1}, DType::i32);
  for (int64_t i = 0; i < size; ++i) {
    double angle = 0.1 * static_cast<double>(i), radius = i % 2 ? 1 : 0.5;
    x.mutable_data<float>()[2 * i] = static_cast<float>(radius * std::cos(angle));
    x.mutable_data<float>()[2 * i + 1] = static_cast<float>(radius * std::sin(angle));
    labels.mutable_data<int32_t>()[i] = static_cast<int32_t>(i % 2);
  }
  ArrayDataset data(x, labels);

  Sequential model({2});
  model.add(Dense{.units = 32, .activation = Activation::tanh});
  model.add(Dense{.units = 1});
  model.build({.seed = 4});
  Adam adam({.learning_rate = 0.02});
  adam.attach(model.parameters());
  DeviceStepState state;  // its learning rate is the optimizer's until another is written
  double first = 0, last = 0;
  for (int64_t epoch = 0; epoch < 40; ++epoch)
    for (const Batch& batch : Epoch(data, state, {.batch_size = 32, .epoch = epoch, .seed = 4})) {
      const Tensor& points = batch.inputs[0];
      Tape tape;
      CallContext training{.training = true, .state = &state};
      Tensor logits = model.forward(points, training);
      Tensor moved = model.forward(scale(points, 1.02, 0.01), training);
      Tensor loss = add(loss_from_logits(Loss::binary_crossentropy, logits, batch.labels[0]),
                        scale(mean(square(subtract(logits, moved))), 0.1));
      adam.minimize(tape, loss, state);
      last = loss.item<float>();
      if (state.read().iteration == 1) first = last;
    }
  std::printf("loss %.4f, then %.4f\n", first, last);
  return last < 0.1 * first ? 0 : 1;
}
