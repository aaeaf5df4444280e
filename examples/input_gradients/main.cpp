// The gradient with respect to the input: pictures that are changed a little, in the direction that raises
// the loss most, are taken for something else (the fast gradient sign method, Goodfellow et al. 2015).
#include <cstdio>
#include <random>

#include "manul/manul.h"

using namespace manul;

int main() {
  int64_t size = 200, side = 8;
  Tensor x = Tensor::empty({size, side, side, 1}), labels = Tensor::empty({size, 1}, DType::i32);
  std::mt19937 bits(3);
  std::uniform_real_distribution<float> noise(0, 0.8F);
  for (int64_t i = 0; i < size; ++i) {  // the left or the right half is brighter
    labels.mutable_data<int32_t>()[i] = static_cast<int32_t>(i % 2);
    for (int64_t pixel = 0; pixel < side * side; ++pixel)
      x.mutable_data<float>()[i * side * side + pixel] =
          noise(bits) + ((pixel % side < side / 2) == (i % 2 == 0) ? 0.2F : 0);
  }
  Sequential model({side, side, 1});
  model.add(Conv2D{.filters = 4, .kernel_size = 3, .activation = Activation::relu});
  model.add(Flatten{});
  model.add(Dense{.units = 1});
  model.compile(Adam({.learning_rate = 0.01}), Loss::binary_crossentropy, {Metric::accuracy},
                {.from_logits = true});
  model.fit(x, labels, {.epochs = 10});

  Tensor pictures = x.clone(), gradient = Tensor::zeros(x.shape());
  pictures.watch(gradient);
  {
    Tape tape;
    Tensor loss = loss_from_logits(Loss::binary_crossentropy, model.forward(pictures), labels);
    tape.backward(loss, std::vector<Tensor>{pictures});  // and nothing into the model's own gradients
  }
  Tensor changed = x.clone();
  for (int64_t i = 0; i < x.elements(); ++i)
    changed.mutable_data<float>()[i] += gradient.data<float>()[i] > 0 ? 0.15F : -0.15F;
  double before = *find_log(model.evaluate(x, labels), "accuracy");
  double after = *find_log(model.evaluate(changed, labels), "accuracy");
  std::printf("accuracy %.2f, with every pixel changed by 0.15 %.2f\n", before, after);
  return before > 0.9 && after < 0.5 ? 0 : 1;
}
