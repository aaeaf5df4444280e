// The gradient by the input: pictures that a network takes for something else after a change that is hard to
// see (the fast gradient sign method, Goodfellow et al. 2015).
#include <cstdio>

#include "manul/manul.h"

using namespace manul;

namespace {

/// Drawn cats and dogs in turn, f32 in 0..1, and their classes.
std::pair<Tensor, Tensor> animals(int64_t count, uint64_t seed) {
  constexpr int size = 32;
  std::vector<float> pixels;
  std::vector<int32_t> classes;
  for (int64_t i = 0; i < count; ++i) {
    classes.push_back(static_cast<int32_t>(i % 2));
    Image picture = draw_synthetic(i % 2 ? SyntheticAnimal::dog : SyntheticAnimal::cat, seed, i / 2, size);
    for (uint8_t value : picture.pixels) pixels.push_back(static_cast<float>(value) / 255);
  }
  return {Tensor::from(pixels, {count, size, size, 3}), Tensor::from(classes, {count})};
}

double accuracy(Model& model, const Tensor& pictures, const Tensor& classes) {
  return *find_log(model.evaluate(pictures, classes), "accuracy");
}

}  // namespace

int main() {
  auto [pictures, classes] = animals(600, 1);
  Sequential model({32, 32, 3});
  model.add(Conv2D{.filters = 8, .kernel_size = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{});
  model.add(Conv2D{.filters = 16, .kernel_size = 3, .activation = Activation::relu});
  model.add(GlobalAveragePooling2D{});
  model.add(Dense{.units = 2, .activation = Activation::softmax});
  model.compile(Adam({.learning_rate = 0.005}), Loss::sparse_categorical_crossentropy, {Metric::accuracy},
                {.seed = 1});
  model.fit(pictures, classes, {.epochs = 12});

  Tensor x = pictures.clone();
  x.watch(Tensor::empty_like(x));  // where its gradient goes
  Tape tape;
  Tensor loss = loss_from_probabilities(Loss::sparse_categorical_crossentropy, model.forward(x), classes);
  tape.backward(loss, {x});  // of the pictures alone: those of the weights are not computed
  Tensor changed = clip(pictures + sign(x.leaf()->gradient) * 0.05, 0, 1);

  double before = accuracy(model, pictures, classes), after = accuracy(model, changed, classes);
  std::printf("accuracy %.3f, of the changed pictures %.3f\n", before, after);
  return before > 0.75 && after < before - 0.3 ? 0 : 1;
}
