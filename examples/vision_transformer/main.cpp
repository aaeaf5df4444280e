// A small vision transformer (Dosovitskiy et al. 2020; keras.io: "Image classification with Vision
// Transformer"): a picture as a row of patches, each with the place where it lies, and attention between all
// of them.
//
//     vision_transformer [EPOCHS]      on Fashion-MNIST, 10 epochs by default
//     vision_transformer --quick       a few steps on drawn shapes
#include <cstdio>
#include <string>

#include "manul/manul.h"
#include "manul/ops/metrics/kinds/sparse_top_k_categorical_accuracy.h"

using namespace manul;

/// Adds to each patch of a row [patches, features] what is learned of its place.
struct PlaceEmbedding {
  static constexpr const char* class_name = "Mine>PlaceEmbedding";
  static constexpr int input_rank = 2;
  std::string name = {};
  bool trainable = true;
  Weight places = {};

  void describe(Description&) {}
  void build(const Shape& input, Weights& weights) {
    weights.add(places, "places", input, RandomNormal{.stddev = 0.02});
  }
  Tensor call(const Tensor& x) const { return x + places; }
};
const LayerRegistration<PlaceEmbedding> place_embedding_registration;

Model network(int64_t patch, int64_t features, int64_t heads, int blocks) {
  Graph graph;
  Symbol x = graph.apply(Rescaling{.scale = 1.0 / 255}, graph.input({28, 28, 1}));
  x = graph.apply(Conv2D{.filters = features, .kernel_size = patch, .strides = patch}, x);  // the patches
  x = graph.apply(Reshape{.target_shape = {(28 / patch) * (28 / patch), features}}, x);
  x = graph.apply(PlaceEmbedding{}, x);
  for (int i = 0; i < blocks; ++i) {
    Symbol y = graph.apply(LayerNormalization{.epsilon = 1e-6}, x);
    y = graph.apply(MultiHeadAttention{.num_heads = heads, .key_dim = features / heads, .dropout = 0.1},
                    {y, y});
    x = graph.apply(Add{}, {x, y});
    y = graph.apply(LayerNormalization{.epsilon = 1e-6}, x);
    y = graph.apply(Dense{.units = 2 * features, .activation = Activation::gelu}, y);
    y = graph.apply(Dropout{.rate = 0.1}, graph.apply(Dense{.units = features}, y));
    x = graph.apply(Add{}, {x, y});
  }
  x = graph.apply(GlobalAveragePooling1D{}, graph.apply(LayerNormalization{.epsilon = 1e-6}, x));
  graph.set_outputs({graph.apply(Dense{.units = 10, .activation = Activation::softmax}, x)});
  return Model(std::move(graph));
}

int main(int argc, char** argv) try {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  int64_t epochs = quick ? 6 : argc > 1 ? std::stoll(argv[1]) : 10;
  LabelledImages train = quick ? draw_shapes({.count = 300}) : read_fashion_mnist(DataPart::training);
  LabelledImages test = quick ? draw_shapes({.count = 100, .seed = 1}) : read_fashion_mnist(DataPart::test);

  Model model = network(quick ? 7 : 4, quick ? 32 : 64, 4, quick ? 2 : 4);
  AdamW adamw({.learning_rate = 0.001}, {.weight_decay = 0.0001});
  model.compile(adamw, Loss::sparse_categorical_crossentropy,
                {Metric::accuracy, SparseTopKCategoricalAccuracy{.k = 3}}, {.seed = 1});
  History history = model.fit(train.images, train.labels,
                              {.epochs = epochs, .batch_size = quick ? 16 : 128, .validation_split = 0.1});
  Logs result = model.evaluate(test.images, test.labels, 250);
  std::printf("Test: accuracy %.4f\n", *find_log(result, "accuracy"));
  model.save("vision_transformer.keras");  // its own layer included
  bool same = Model::load("vision_transformer.keras").predict(test.images).to_vector<float>() ==
              model.predict(test.images).to_vector<float>();
  return same && history["loss"].back() < history["loss"].front() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
