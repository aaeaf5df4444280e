// A convolutional autoencoder takes noise out of pictures (keras.io: "Convolutional autoencoder for image
// denoising"): what it is given is noisy, what it should give is the picture as it was.
//
//     autoencoder [EPOCHS]        on Fashion-MNIST, 10 epochs by default; writes denoised.png
//     autoencoder --quick         a few steps on drawn shapes
#include <cstdio>
#include <string>

#include "manul/manul.h"

using namespace manul;

Sequential network() {
  Sequential model({28, 28, 1}, "autoencoder");
  for (int i = 0; i < 2; ++i) {
    model.add(
        Conv2D{.filters = 32, .kernel_size = 3, .padding = Padding::same, .activation = Activation::relu});
    model.add(MaxPooling2D{.pool_size = 2, .padding = Padding::same});
  }
  for (int i = 0; i < 2; ++i)
    model.add(Conv2DTranspose{.filters = 32,
                              .kernel_size = 3,
                              .strides = 2,
                              .padding = Padding::same,
                              .activation = Activation::relu});
  model.add(
      Conv2D{.filters = 1, .kernel_size = 3, .padding = Padding::same, .activation = Activation::sigmoid});
  return model;
}

/// x with normal noise, within 0 and 1.
Tensor noisy(const Tensor& x, uint64_t stream) {
  DeviceStepState state;  // what random numbers are drawn from: its seed, and the stream
  return clip(x + random_normal(x.shape(), 0, 0.4, state, stream), 0, 1);
}

int main(int argc, char** argv) try {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  int64_t epochs = quick ? 4 : argc > 1 ? std::stoll(argv[1]) : 10;
  LabelledImages train = quick ? draw_shapes({.count = 256}) : read_fashion_mnist(DataPart::training);
  LabelledImages test = quick ? draw_shapes({.count = 64, .seed = 1}) : read_fashion_mnist(DataPart::test);
  Tensor clean = cast(train.images, DType::f32) / 255, clean_test = cast(test.images, DType::f32) / 255;
  Tensor noisy_test = noisy(clean_test, 1);

  Sequential model = network();
  model.compile(Adam{}, Loss::binary_crossentropy, {}, {.seed = 1});
  History history = model.fit(noisy(clean, 0), clean,
                              {.epochs = epochs,
                               .batch_size = quick ? 16 : 128,
                               .validation_data = {.x = noisy_test, .y = clean_test}});

  Tensor rows = slice(noisy_test, 0, 0, 8);
  save_png("denoised.png", picture_grid(concat({rows, model.predict(rows), slice(clean_test, 0, 0, 8)}, 0)));
  std::printf("denoised.png: what it was given, what it made of it, what it should be\n");
  return history["val_loss"].back() < history["val_loss"].front() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
