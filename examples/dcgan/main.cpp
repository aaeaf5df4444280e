// A generative adversarial network of convolutions (Radford et al. 2015; the DCGAN of the PyTorch and
// keras.io tutorials): a generator makes pictures from noise, a discriminator tells them from real ones, and
// each learns from the other.
//
//     dcgan [EPOCHS]      on Fashion-MNIST, 10 epochs by default; writes generated.png after each
//     dcgan --quick       a few steps on drawn shapes
#include <cmath>
#include <cstdio>
#include <string>

#include "manul/manul.h"

using namespace manul;

constexpr int64_t latent = 64;

Sequential generator_network(int64_t filters) {
  Sequential model({latent}, "generator");
  model.add(Dense{.units = 7 * 7 * filters, .use_bias = false});
  model.add(BatchNormalization{.momentum = 0.8});
  model.add(LeakyReLU{.alpha = 0.2});
  model.add(Reshape{.target_shape = {7, 7, filters}});
  model.add(Conv2DTranspose{
      .filters = filters / 2, .kernel_size = 4, .strides = 2, .padding = Padding::same, .use_bias = false});
  model.add(BatchNormalization{.momentum = 0.8});
  model.add(LeakyReLU{.alpha = 0.2});
  model.add(Conv2DTranspose{.filters = 1,
                            .kernel_size = 4,
                            .strides = 2,
                            .padding = Padding::same,
                            .activation = Activation::sigmoid});
  return model;
}

Sequential discriminator_network(int64_t filters) {
  Sequential model({28, 28, 1}, "discriminator");
  for (int64_t of : {filters / 2, filters}) {
    model.add(Conv2D{.filters = of, .kernel_size = 4, .strides = 2, .padding = Padding::same});
    model.add(LeakyReLU{.alpha = 0.2});
  }
  model.add(Dropout{.rate = 0.2});
  model.add(Flatten{});
  model.add(Dense{.units = 1});
  return model;
}

int main(int argc, char** argv) try {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  int64_t epochs = quick ? 6 : argc > 1 ? std::stoll(argv[1]) : 10, filters = quick ? 16 : 64;
  LabelledImages pictures = quick ? draw_shapes({.count = 256}) : read_fashion_mnist(DataPart::training);
  ArrayDataset data(pictures.images);

  Sequential generator = generator_network(filters), discriminator = discriminator_network(filters);
  generator.build({.seed = 1});
  discriminator.build({.seed = 2});
  Adam makes({.learning_rate = 0.0002, .beta_1 = 0.5}), tells({.learning_rate = 0.0002, .beta_1 = 0.5});
  makes.attach(generator.parameters());
  tells.attach(discriminator.parameters());
  DeviceStepState state, generator_state;  // the first is the data's and the discriminator's

  auto noise = [](int64_t count, const DeviceStepState& from) {
    return random_normal({count, latent}, 0, 1, from, random_key("noise"));
  };
  Tensor always = noise(64, DeviceStepState());
  /// How far what is generated is from what is real, in the mean over each pixel.
  Tensor real_mean = mean(cast(pictures.images, DType::f32) / 255, 0);
  auto distance = [&] { return mean(abs(mean(generator.predict(always), 0) - real_mean)).item<float>(); };
  double before = distance();
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    double of_discriminator = 0, of_generator = 0;
    for (const Batch& batch :
         Epoch(data, state, {.batch_size = quick ? 16 : 64, .epoch = epoch, .seed = 1})) {
      Tensor real = batch.inputs[0] / 255;
      int64_t count = real.shape()[0];
      Tensor ones = Tensor::full({count, 1}, 1), zeros = Tensor::zeros({count, 1});
      CallContext training{.training = true, .state = &state};
      Tensor seeds = noise(count, state);
      {
        Tape tape;
        Tensor of_real = discriminator.forward(real, training);
        Tensor of_made = discriminator.forward(generator.forward(seeds, training), training);
        Tensor loss = loss_from_logits(Loss::binary_crossentropy, of_real, ones) +
                      loss_from_logits(Loss::binary_crossentropy, of_made, zeros);
        tells.minimize(tape, loss, state);
        of_discriminator = loss.item<float>();
      }
      Tape tape;  // the generator wants its pictures to be taken for real
      Tensor of_made = discriminator.forward(generator.forward(seeds, training), training);
      Tensor loss = loss_from_logits(Loss::binary_crossentropy, of_made, ones);
      makes.minimize(tape, loss, generator_state);
      of_generator = loss.item<float>();
    }
    std::printf("Epoch %d: loss of the discriminator %.3f, of the generator %.3f\n",
                static_cast<int>(epoch + 1), of_discriminator, of_generator);
    save_png("generated.png", picture_grid(generator.predict(always)));
  }
  double after = distance();
  std::printf("The mean picture is %.3f away from the real one, before training %.3f\n", after, before);
  return after < before ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
