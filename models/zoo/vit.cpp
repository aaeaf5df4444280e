#include "manul/models/zoo/networks.h"

namespace manul::zoo {
namespace {

constexpr int64_t heads = 4;
constexpr double dropout = 0.1;

Symbol normalized(NetworkBuilder& network, const Symbol& x, const std::string& name) {
  return network.apply(LayerNormalization{.epsilon = 1e-6, .name = name}, x);
}

/// Attention between all patches, then two dense layers for each; both are added to what they are given.
Symbol encoder_block(NetworkBuilder& network, Symbol x, const std::string& name) {
  int64_t features = network.channels(x);
  auto dropped = [&](const Symbol& y, const char* part) {
    return network.apply(Dropout{.rate = dropout, .name = name + part}, y);
  };
  Symbol y = normalized(network, x, name + "_norm1");
  y = network.apply(
      MultiHeadAttention{
          .num_heads = heads, .key_dim = features / heads, .dropout = dropout, .name = name + "_attention"},
      {y, y});
  x = network.apply(Add{.name = name + "_add1"}, {x, y});
  y = normalized(network, x, name + "_norm2");
  y = network.apply(Dense{.units = 2 * features, .activation = Activation::gelu, .name = name + "_dense1"},
                    y);
  y = network.apply(Dense{.units = features, .name = name + "_dense2"}, dropped(y, "_dropout1"));
  return network.apply(Add{.name = name + "_add2"}, {x, dropped(y, "_dropout2")});
}

}  // namespace

// A small vision transformer (Dosovitskiy et al. 2020): 8 blocks on patches of 6x6 pixels with 64 features
// (times alpha). Where a patch lies is told by a depthwise convolution, whose zeros begin at the border (Chu
// et al. 2021), so that all layers are Keras' own and pictures may have any size; the patches stay in rows
// and columns.
Symbol vit(NetworkBuilder& network, Symbol x) {
  constexpr int64_t patch = 6;
  int64_t features = rounded_filters(64 * network.alpha());
  x = network.apply(Conv2D{.filters = features, .kernel_size = patch, .strides = patch, .name = "patches"},
                    x);
  Symbol places =
      network.apply(DepthwiseConv2D{.kernel_size = 3, .padding = Padding::same, .name = "places"}, x);
  x = network.apply(Dropout{.rate = dropout, .name = "dropout"},
                    network.apply(Add{.name = "placed"}, {x, places}));
  for (int i = 1; i <= 8; ++i) x = encoder_block(network, x, fmt::format("block{}", i));
  return network.usual_top(normalized(network, x, "norm"));
}

}  // namespace manul::zoo
