#include "manul/tools/programs/bench_networks.h"

#include "manul/framework/initializers/initializers.h"
#include "manul/models/zoo/zoo.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {
namespace {

template <const char* const& name>
Model of_zoo(int64_t side) {
  return build_network(name, {.input_shape = {side, side, 3}, .classes = 1000});
}
constexpr const char *resnet18 = "resnet18", *resnet50 = "resnet50", *mobilenetv2 = "mobilenetv2",
                     *efficientnetb0 = "efficientnetb0";

Symbol two_convolutions(Graph& graph, Symbol x, int64_t filters) {
  for (int i = 0; i < 2; ++i) {
    x = graph.apply(Conv2D{.filters = filters, .kernel_size = 3, .padding = Padding::same, .use_bias = false},
                    x);
    x = graph.apply(ReLU{}, graph.apply(BatchNormalization{}, x));
  }
  return x;
}

Model unet32(int64_t side) {
  Graph graph;
  Symbol x = graph.input({side, side, 3});
  std::vector<Symbol> skips;
  for (int level = 0; level < 4; ++level) {
    skips.push_back(two_convolutions(graph, x, 32 << level));
    x = graph.apply(MaxPooling2D{}, skips.back());
  }
  x = two_convolutions(graph, x, 512);
  for (int level = 4; level-- > 0;) {
    x = graph.apply(Conv2DTranspose{.filters = 32 << level, .kernel_size = 2, .strides = 2}, x);
    x = two_convolutions(graph, graph.apply(Concatenate{}, {x, skips[static_cast<size_t>(level)]}),
                         32 << level);
  }
  graph.set_outputs({graph.apply(Conv2D{.filters = 2, .activation = Activation::softmax}, x)});
  return Model(graph);
}

/// VGG-11: convolutions of 3x3 without normalization, and a head of one dense layer.
Model vgg11(int64_t side) {
  Graph graph;
  Symbol x = graph.input({side, side, 3});
  for (const std::vector<int64_t>& block :
       {std::vector<int64_t>{64}, {128}, {256, 256}, {512, 512}, {512, 512}}) {
    for (int64_t filters : block)
      x = graph.apply(
          Conv2D{
              .filters = filters, .kernel_size = 3, .padding = Padding::same, .activation = Activation::relu},
          x);
    x = graph.apply(MaxPooling2D{}, x);
  }
  x = graph.apply(GlobalAveragePooling2D{}, x);
  graph.set_outputs({graph.apply(Dense{.units = 1000, .activation = Activation::softmax}, x)});
  return Model(graph);
}

/// Adds a vector that is learned to each patch.
struct PositionEmbedding {
  static constexpr const char* class_name = "Bench>PositionEmbedding";
  std::string name = {};
  bool trainable = true;
  Weight embeddings = {};

  void describe(Description& /*description*/) {}
  void build(const Shape& input, Weights& weights) {
    weights.add(embeddings, "embeddings", input, RandomNormal{.stddev = 0.02});
  }
  Tensor call(const Tensor& x) const { return add(x, embeddings); }
};

Model vit_s16(int64_t side) {
  constexpr int64_t patch = 16, features = 384, heads = 6, blocks = 12;
  Graph graph;
  Symbol x = graph.apply(Conv2D{.filters = features, .kernel_size = patch, .strides = patch},
                         graph.input({side, side, 3}));
  int64_t patches = (side / patch) * (side / patch);
  x = graph.apply(PositionEmbedding{}, graph.apply(Reshape{.target_shape = {patches, features}}, x));
  for (int64_t i = 0; i < blocks; ++i) {
    Symbol y = graph.apply(LayerNormalization{.epsilon = 1e-6}, x);
    y = graph.apply(MultiHeadAttention{.num_heads = heads, .key_dim = features / heads}, {y, y});
    x = graph.apply(Add{}, {x, y});
    y = graph.apply(LayerNormalization{.epsilon = 1e-6}, x);
    y = graph.apply(Dense{.units = 4 * features, .activation = Activation::gelu}, y);
    x = graph.apply(Add{}, {x, graph.apply(Dense{.units = features}, y)});
  }
  x = graph.apply(GlobalAveragePooling1D{}, graph.apply(LayerNormalization{.epsilon = 1e-6}, x));
  graph.set_outputs({graph.apply(Dense{.units = 1000, .activation = Activation::softmax}, x)});
  return Model(graph);
}

}  // namespace

const std::vector<BenchNetwork>& bench_networks() {
  static const std::vector<BenchNetwork> all{
      {resnet18, 256, 224, of_zoo<resnet18>},
      {resnet50, 256, 224, of_zoo<resnet50>},
      {mobilenetv2, 256, 224, of_zoo<mobilenetv2>},
      {efficientnetb0, 256, 224, of_zoo<efficientnetb0>},
      {"unet32", 32, 256, unet32},
      {"vit_s16", 256, 224, vit_s16},
      {"vgg11", 256, 224, vgg11},
  };
  return all;
}

}  // namespace manul
