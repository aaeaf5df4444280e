// A small convolutional network learns Fashion-MNIST (keras.io: "Simple MNIST convnet"), with a tenth of the
// training pictures held back for validation and a learning rate that falls to nothing.
//
//     fashion_mnist [EPOCHS [SEED]]     15 and 1 by default; writes fashion_mnist.h5
//     fashion_mnist --quick             a few steps on drawn shapes, without Fashion-MNIST
#include <cstdio>
#include <string>

#include "manul/manul.h"

using namespace manul;

Sequential network() {
  Sequential model({28, 28, 1});
  model.add(Rescaling{.scale = 1.0 / 255});
  for (int64_t filters : {32, 64}) {
    model.add(Conv2D{
        .filters = filters, .kernel_size = 3, .padding = Padding::same, .activation = Activation::relu});
    model.add(MaxPooling2D{.pool_size = 2});
  }
  model.add(Dropout{.rate = 0.25});
  model.add(Flatten{});
  model.add(Dense{.units = 128, .activation = Activation::relu});
  model.add(Dropout{.rate = 0.5});
  model.add(Dense{.units = 10, .activation = Activation::softmax});
  return model;
}

int main(int argc, char** argv) try {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  int64_t epochs = quick ? 3 : argc > 1 ? std::stoll(argv[1]) : 15, batch = quick ? 16 : 64;
  uint64_t seed = argc > 2 ? std::stoull(argv[2]) : 1;
  LabelledImages train = quick ? draw_shapes({.count = 400}) : read_fashion_mnist(DataPart::training);
  LabelledImages test = quick ? draw_shapes({.count = 100, .seed = 1}) : read_fashion_mnist(DataPart::test);

  Sequential model = network();
  std::printf("%s\n", model.summary().c_str());
  int64_t steps = epochs * (train.images.shape()[0] * 9 / 10) / batch;
  model.compile(Adam({.learning_rate = CosineDecay{.initial_learning_rate = 0.001, .decay_steps = steps}}),
                Loss::sparse_categorical_crossentropy, {Metric::accuracy}, {.seed = seed});
  History history =
      model.fit(train.images, train.labels, {.epochs = epochs, .batch_size = batch, .validation_split = 0.1});
  Logs result = model.evaluate(test.images, test.labels, 250);
  std::printf("Test: loss %.4f, accuracy %.4f\n", *find_log(result, "loss"), *find_log(result, "accuracy"));
  if (!quick) model.save("fashion_mnist.h5");
  return history["loss"].back() < history["loss"].front() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
