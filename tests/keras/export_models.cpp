// The other side of compare_files.py.
//
//     keras_export FOLDER
// writes, for each of a few networks, trained for three steps, NAME.h5, NAME.keras, NAME.weights.h5,
// NAME.after.h5 (the model one step later) and NAME.batch.h5 (a batch and what the model makes of it).
//
//     keras_export --check FOLDER
// reads what Keras wrote in the same form, prints how far the predictions from each file are from Keras', and
// writes each again, NAME.again-from-h5.keras, say.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "manul/framework/atomic_file.h"
#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/hdf5/writer.h"
#include "manul/models/keras/h5.h"
#include "manul/tests/keras/batch_file.h"

namespace manul {
namespace {

constexpr int64_t batch_size = 6;
constexpr double tolerance = 1e-5;

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

Model convolutions() {
  Sequential model({12, 12, 3});
  model.add(ZeroPadding2D{.padding = 1});
  model.add(SeparableConv2D{.filters = 6, .kernel_size = 3});
  model.add(PReLU{});
  model.add(DepthwiseConv2D{.kernel_size = 3, .padding = Padding::same});
  model.add(LayerNormalization{});
  model.add(LeakyReLU{});
  model.add(Conv2DTranspose{.filters = 4, .kernel_size = 2, .strides = 2});
  model.add(UpSampling2D{});
  model.add(Cropping2D{});
  model.add(GlobalMaxPooling2D{});
  model.add(Dense{.units = 3, .activation = Activation::softmax});
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

/// Models in a model, each called twice, of which one gives the output itself; layers of one name in several.
Model nested() {
  Sequential encoder({8, 9, 3});
  encoder.add(Conv2D{.filters = 4, .kernel_size = 3, .use_bias = false, .name = "conv"});
  encoder.add(BatchNormalization{.name = "norm"});
  encoder.add(GlobalAveragePooling2D{});
  encoder.add(Dense{.units = 3, .name = "dense"});
  Graph inner;
  Symbol y = inner.input({3});
  LayerPtr frozen = Dense{.units = 3, .activation = Activation::tanh, .name = "dense", .trainable = false};
  Symbol mixed = inner.apply(Add{}, {y, inner.apply(frozen, y)});
  inner.set_outputs({inner.apply(Dense{.units = 3, .name = "mix"}, mixed)});
  inner.set_name("mixer");
  Model mixer(std::move(inner));
  Graph graph;
  Symbol x = graph.input({8, 9, 3});
  Symbol left = graph.apply(encoder, x), right = graph.apply(encoder, graph.apply(ReLU{}, x));
  Symbol both = graph.apply(Add{}, {left, graph.apply(Dense{.units = 3, .name = "dense"}, right)});
  graph.set_outputs({graph.apply(mixer, graph.apply(mixer, both))});
  return Model(std::move(graph));
}

Model two_inputs_and_outputs() {
  Graph graph;
  Symbol picture = graph.input({8, 8, 3}, "picture"), facts = graph.input({5}, "facts");
  Symbol x = graph.apply(Conv2D{.filters = 4, .kernel_size = 3, .use_bias = false, .name = "seen"}, picture);
  x = graph.apply(BatchNormalization{.name = "norm"}, x);
  x = graph.apply(GlobalAveragePooling2D{.name = "pool"}, x);
  Symbol y = graph.apply(Dense{.units = 4, .activation = Activation::tanh, .name = "known"}, facts);
  Symbol both = graph.apply(Concatenate{.name = "both"}, {x, y});
  Symbol times = graph.apply(Multiply{.name = "times"}, {x, y});
  Symbol high = graph.apply(Maximum{.name = "high"}, {x, y});
  Symbol all = graph.apply(Concatenate{.name = "all"}, {both, times, high});
  graph.set_outputs(
      {graph.apply(Dense{.units = 1, .activation = Activation::sigmoid, .name = "yes"}, all),
       graph.apply(Dense{.units = 3, .activation = Activation::softmax, .name = "which"}, both)});
  return Model(std::move(graph));
}

Model attention() {
  Graph graph;
  Symbol x = graph.input({8, 8, 3}, "pictures");
  x = graph.apply(Conv2D{.filters = 8, .kernel_size = 2, .strides = 2, .name = "patches"}, x);
  x = graph.apply(Reshape{.target_shape = {16, 8}, .name = "sequence"}, x);
  Symbol y = graph.apply(LayerNormalization{.epsilon = 1e-6, .name = "norm"}, x);
  y = graph.apply(MultiHeadAttention{.num_heads = 2, .key_dim = 4, .name = "attention"}, {y, y});
  y = graph.apply(MultiHeadAttention{.num_heads = 2, .key_dim = 4, .value_dim = 3, .name = "cross"},
                  {y, x, y});
  x = graph.apply(Add{.name = "sum"}, {x, y});
  x = graph.apply(GlobalAveragePooling1D{.name = "mean"}, x);
  graph.set_outputs({graph.apply(Dense{.units = 3, .activation = Activation::softmax, .name = "out"}, x)});
  return Model(std::move(graph));
}

/// Predictions and files alone can be compared: what is drawn in training is not what Keras draws.
Model drawing() {
  Sequential model({12, 12, 3});
  model.add(RandomFlip{});
  model.add(RandomRotation{.factor = {-0.1, 0.1}});
  model.add(Conv2D{.filters = 4, .kernel_size = 3});
  model.add(SpatialDropout2D{.rate = 0.2});
  model.add(GaussianNoise{.stddev = 0.1});
  model.add(Flatten{});
  model.add(Dropout{.rate = 0.5});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  return model;
}

Tensor labels_for(const Shape& output) {
  if (output.elements() == 1) return Tensor::from(std::vector<float>{0, 1, 1, 0, 1, 0}, {batch_size, 1});
  return Tensor::from(std::vector<int32_t>{0, 1, 2, 2, 1, 0}, {batch_size});
}

std::vector<Tensor> inputs_for(const Graph& graph, uint64_t seed) {
  std::vector<Tensor> inputs;
  for (int node : graph.inputs()) {
    Shape sample = graph.nodes()[node].shape;
    inputs.push_back(Tensor::from(random_values(batch_size * sample.elements(), seed + 100 * inputs.size()),
                                  sample.batch_of(batch_size)));
  }
  return inputs;
}

void add_all(hdf5::Group& root, const std::string& name, const std::vector<Tensor>& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i)
    root.add(fmt::format("{}_{}", name, i), tensors[i].shape(), tensors[i].to(DType::f32).to_vector<float>());
}

template <class OptimizerType>
void export_model(const std::string& stem, Model model, const OptimizerType& optimizer,
                  bool from_logits = false) {
  std::vector<Tensor> labels;
  std::vector<OutputLoss> losses;
  for (int node : model.graph().outputs()) {
    Shape output = model.graph().nodes()[node].shape;
    labels.push_back(labels_for(output));
    losses.push_back(output.elements() == 1 ? Loss::binary_crossentropy
                                            : Loss::sparse_categorical_crossentropy);
  }
  model.compile(optimizer, losses, {Metric::accuracy}, {.seed = 5, .from_logits = from_logits});
  for (uint64_t step = 0; step < 3; ++step) model.train_on_batch(inputs_for(model.graph(), step), labels);
  for (const char* ending : {".h5", ".keras"}) model.save(stem + ending);
  save_weights(model, stem + ".weights.h5");
  std::vector<Tensor> x = inputs_for(model.graph(), 99);
  hdf5::Group root;
  add_all(root, "input", x);
  add_all(root, "label", labels);
  add_all(root, "output", model.forward_all(x));
  double loss = model.train_on_batch(x, labels).item<float>();
  root.add("loss", {}, std::vector<double>{loss});
  for (const char* ending : {".after.h5", ".after.keras"}) model.save(stem + ending);
  write_file_atomically(stem + ".batch.h5", hdf5::image(root));
}

void export_all(const std::string& folder) {
  Adam adam({.learning_rate = 0.01});
  SGD nesterov({.learning_rate = 0.05, .momentum = 0.9, .nesterov = true});
  export_model(folder + "/catdog-adam", catdog(), adam);
  export_model(folder + "/catdog-sgd", catdog(), SGD({.learning_rate = 0.05}));
  export_model(folder + "/every-layer-adam", every_layer(), adam);
  export_model(folder + "/convolutions-nesterov", convolutions(), nesterov);
  export_model(folder + "/skips-nesterov", skips(), nesterov, true);
  export_model(folder + "/nested-adam", nested(), adam, true);
  export_model(folder + "/two-inputs-and-outputs-adam", two_inputs_and_outputs(), adam);
  export_model(folder + "/attention-adam", attention(), adam);
  export_model(folder + "/drawing-adam", drawing(), adam);
}

/// The model of a file, ready to be trained if that is possible here.
Model load(const std::string& path) {
  try {
    return Model::load(path, {.training = true});
  } catch (const Error& error) {
    fmt::print("  not to be trained: {}\n", error.what());
    return Model::load(path);
  }
}

bool check_all(const std::string& folder) {
  bool well = true;
  std::vector<std::string> stems;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (std::string path = entry.path(); path.ends_with(".batch.h5"))
      stems.push_back(path.substr(0, path.size() - std::string(".batch.h5").size()));
  std::sort(stems.begin(), stems.end());
  for (const std::string& stem : stems) {
    hdf5::Reader batch(stem + ".batch.h5");
    std::vector<Tensor> inputs = tensors_of(batch, "input"), wanted = tensors_of(batch, "output");
    for (const char* ending : {".h5", ".keras", ".weights.h5"}) {
      std::string path = stem + ending;
      if (!std::filesystem::exists(path)) continue;
      std::string name = path.substr(path.rfind('/') + 1);
      try {
        bool weights = path.ends_with(".weights.h5");
        Model model = Model::load(weights ? stem + ".keras" : path);
        if (weights) {
          for (Parameter& parameter : model.parameters().all()) parameter.value.fill_zero();
          load_weights(model, path);
        }
        for (const char* again : {".h5", ".keras"})
          if (!weights) load(path).save(fmt::format("{}.again-from-{}{}", stem, ending + 1, again));
        double largest = difference(model, inputs, wanted);
        bool right = largest <= tolerance;
        well = well && right;
        fmt::print("{:<44} predictions {:.1e}  {}\n", name, largest, right ? "ok" : "WRONG");
      } catch (const Error& error) {
        well = false;
        fmt::print("{:<44} {}  WRONG\n", name, error.what());
      }
    }
  }
  return well && !stems.empty();
}

}  // namespace
}  // namespace manul

int main(int count, char** arguments) {
  bool check = count == 3 && std::string(arguments[1]) == "--check";
  if (count != 2 && !check) {
    std::fprintf(stderr, "usage: keras_export [--check] FOLDER\n");
    return 2;
  }
  try {
    if (check) return manul::check_all(arguments[2]) ? 0 : 1;
    manul::export_all(arguments[1]);
    return 0;
  } catch (const manul::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
