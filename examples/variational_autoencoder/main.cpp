// A variational autoencoder (keras.io: "Variational AutoEncoder"): an encoder says where in a plane a picture
// lies, as a mean and a variance, a decoder makes pictures of points. Two losses at once, in a loop that is
// written out.
//
//     variational_autoencoder [EPOCHS]     on Fashion-MNIST, 20 epochs by default; writes plane.png
//     variational_autoencoder --quick      a few steps on drawn shapes
#include <cstdio>
#include <string>

#include "manul/manul.h"

using namespace manul;

constexpr int64_t latent = 2;

/// A point drawn from a normal distribution: mean + exp(log_variance / 2) * noise.
struct Sampling {
  static constexpr const char* class_name = "Mine>Sampling";
  std::string name = {};

  void describe(Description&) {}
  Shape output_shape(const std::vector<Shape>& inputs) const { return inputs[0]; }
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& context) const {
    const Tensor &mean = inputs[0], &log_variance = inputs[1];
    if (!context.training) return mean;
    Tensor noise = random_normal(mean.shape(), 0, 1, *context.state, random_key(name.c_str()));
    return mean + exp(log_variance * 0.5) * noise;
  }
};

Model encoder_network() {
  Graph graph;
  Symbol input = graph.input({28, 28, 1}), x = input;
  for (int64_t filters : {32, 64})
    x = graph.apply(Conv2D{.filters = filters,
                           .kernel_size = 3,
                           .strides = 2,
                           .padding = Padding::same,
                           .activation = Activation::relu},
                    x);
  x = graph.apply(Dense{.units = 16, .activation = Activation::relu}, graph.apply(Flatten{}, x));
  Symbol mean = graph.apply(Dense{.units = latent, .name = "mean"}, x);
  Symbol log_variance = graph.apply(Dense{.units = latent, .name = "log_variance"}, x);
  graph.set_name("encoder");
  graph.set_outputs({graph.apply(Sampling{}, {mean, log_variance}), mean, log_variance});
  return Model(std::move(graph));
}

Sequential decoder_network() {
  Sequential model({latent}, "decoder");
  model.add(Dense{.units = 7 * 7 * 64, .activation = Activation::relu});
  model.add(Reshape{.target_shape = {7, 7, 64}});
  for (int64_t filters : {64, 32})
    model.add(Conv2DTranspose{.filters = filters,
                              .kernel_size = 3,
                              .strides = 2,
                              .padding = Padding::same,
                              .activation = Activation::relu});
  model.add(Conv2DTranspose{.filters = 1, .kernel_size = 3, .padding = Padding::same});  // logits
  return model;
}

int main(int argc, char** argv) try {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  int64_t epochs = quick ? 4 : argc > 1 ? std::stoll(argv[1]) : 20;
  LabelledImages pictures = quick ? draw_shapes({.count = 256}) : read_fashion_mnist(DataPart::training);
  ArrayDataset data(pictures.images);

  Model encoder = encoder_network();
  Sequential decoder = decoder_network();
  Graph graph;  // both, one behind the other
  Symbol input = graph.input({28, 28, 1});
  std::vector<Symbol> code = graph.apply_all(encoder, {input});
  graph.set_outputs({graph.apply(decoder, code[0]), code[1], code[2]});
  Model vae(std::move(graph));
  vae.build({.seed = 1});
  Adam adam({.learning_rate = quick ? 0.003 : 0.001});
  adam.attach(vae.parameters());

  DeviceStepState state;
  double first = 0, last = 0;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    double total = 0;
    int64_t batches = 0;
    for (const Batch& batch :
         Epoch(data, state, {.batch_size = quick ? 16 : 128, .epoch = epoch, .seed = 1})) {
      Tensor x = batch.inputs[0] / 255;
      Tape tape;
      std::vector<Tensor> made = vae.forward_all(x, {.training = true, .state = &state});
      const Tensor &center = made[1], &log_variance = made[2];
      Tensor reconstruction =
          loss_from_logits(Loss::binary_crossentropy, flatten(made[0]), flatten(x)) * (28 * 28);
      Tensor divergence = sum(square(center) + exp(log_variance) - log_variance - 1, 1) * 0.5;
      Tensor loss = reconstruction + mean(divergence);
      adam.minimize(tape, loss, state);
      total += loss.item<float>();
      ++batches;
    }
    last = total / static_cast<double>(batches);
    if (epoch == 0) first = last;
    std::printf("Epoch %d: loss %.2f\n", static_cast<int>(epoch + 1), last);
  }

  constexpr int side = 12;  // pictures from all over the plane
  std::vector<float> points;
  for (int i = 0; i < side * side; ++i)
    for (int axis : {i % side, i / side}) points.push_back(4.0F * static_cast<float>(axis) / (side - 1) - 2);
  save_png("plane.png",
           picture_grid(sigmoid(decoder.predict(Tensor::from(points, {side * side, latent}))), side, 0));
  return last < first ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
