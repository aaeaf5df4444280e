// Writes what compare_files.py holds against Keras: for each of a few networks, trained for three steps,
// FOLDER/NAME.h5 (the model), NAME.after.h5 (the model one step later) and NAME.batch.h5 (a batch and what
// the model makes of it).
#include <cstdio>

#include "manul/framework/atomic_file.h"
#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/hdf5/writer.h"
#include "manul/models/keras/h5.h"

namespace manul {
namespace {

constexpr int64_t batch_size = 6;

std::vector<float> random_values(int64_t count, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::sample, 0, 0);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.uniform(-1, 1));
  return values;
}

Model catdog() {
  Sequential model({20, 20, 3});
  model.add(Conv2D{.filters = 8, .kernel_size = 3, .strides = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 16, .activation = Activation::relu});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  return model;
}

Model every_layer() {
  Sequential model({13, 12, 3});
  model.add(Rescaling{.scale = 2, .offset = -0.5});
  model.add(Conv2D{
      .filters = 6, .kernel_size = {3, 2}, .padding = Padding::same, .dilation_rate = 2, .use_bias = false});
  model.add(BatchNormalization{.epsilon = 0.01});
  model.add(ReLU{});
  model.add(AveragePooling2D{.pool_size = 2, .padding = Padding::same});
  model.add(Conv2D{.filters = 5,
                   .kernel_size = 3,
                   .strides = 2,
                   .activation = Activation::tanh,
                   .name = "frozen",
                   .trainable = false});
  model.add(Dropout{.rate = 0});
  model.add(GlobalAveragePooling2D{});
  model.add(Dense{.units = 4});
  model.add(Softmax{});
  return model;
}

Model skips() {
  Graph graph;
  Symbol x = graph.input({8, 9, 3});
  Symbol late = graph.apply(Conv2D{.filters = 4, .kernel_size = 1, .name = "late"}, x);
  LayerPtr shared = Conv2D{.filters = 4, .kernel_size = 3, .padding = Padding::same, .name = "shared"};
  Symbol y =
      graph.apply(Conv2D{.filters = 4, .kernel_size = 3, .padding = Padding::same, .name = "block/first"}, x);
  y = graph.apply(ActivationLayer{.activation = Activation::relu, .name = "block/relu"}, y);
  y = graph.apply(shared, graph.apply(shared, y));
  y = graph.apply(Add{.name = "sum"}, {y, late});
  y = graph.apply(GlobalAveragePooling2D{.name = "pool"}, y);
  graph.set_outputs({graph.apply(Dense{.units = 3, .name = "out"}, y)});
  return Model(std::move(graph));
}

void save_batch(const std::string& path, const Tensor& x, const Tensor& labels, const Tensor& output,
                double loss) {
  hdf5::Group root;
  root.add("input", x.shape(), x.to_vector<float>());
  root.add("labels", labels.shape(), labels.to(DType::f32).to_vector<float>());
  root.add("output", output.shape(), output.to_vector<float>());
  root.add("loss", {}, std::vector<double>{loss});
  write_file_atomically(path, hdf5::image(root));
}

template <class OptimizerType>
void export_model(const std::string& stem, Model model, const OptimizerType& optimizer, Loss loss,
                  bool from_logits) {
  model.compile(optimizer, loss, {Metric::accuracy}, {.seed = 5, .from_logits = from_logits});
  Shape sample = model.graph().nodes()[0].shape;
  bool binary = loss == Loss::binary_crossentropy;
  Tensor labels = binary ? Tensor::from(std::vector<float>{0, 1, 1, 0, 1, 0}, {batch_size, 1})
                         : Tensor::from(std::vector<int32_t>{0, 1, 2, 2, 1, 0}, {batch_size});
  auto inputs = [&](uint64_t seed) {
    return Tensor::from(random_values(batch_size * sample.elements(), seed), sample.batch_of(batch_size));
  };
  for (int step = 0; step < 3; ++step) model.train_on_batch(inputs(step), labels);
  for (const char* ending : {".h5", ".keras"}) model.save(stem + ending);
  save_weights(model, stem + ".weights.h5");
  Tensor x = inputs(99), output = model.forward(x).clone();
  double value = model.train_on_batch(x, labels).item<float>();
  model.save(stem + ".after.h5");
  save_batch(stem + ".batch.h5", x, labels, output, value);
}

void export_all(const std::string& folder) {
  export_model(folder + "/catdog-adam", catdog(), Adam({.learning_rate = 0.01}), Loss::binary_crossentropy,
               false);
  export_model(folder + "/catdog-sgd", catdog(), SGD({.learning_rate = 0.05}), Loss::binary_crossentropy,
               false);
  export_model(folder + "/every-layer-adam", every_layer(), Adam({.learning_rate = 0.01}),
               Loss::sparse_categorical_crossentropy, false);
  export_model(folder + "/skips-nesterov", skips(),
               SGD({.learning_rate = 0.05, .momentum = 0.9, .nesterov = true}),
               Loss::sparse_categorical_crossentropy, true);
}

}  // namespace
}  // namespace manul

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: keras_export FOLDER\n");
    return 2;
  }
  try {
    manul::export_all(arguments[1]);
    return 0;
  } catch (const manul::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
