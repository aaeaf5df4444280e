#include <initializer_list>

#include "manul/models/zoo/networks.h"

namespace manul::zoo {
namespace {

struct Convolution {
  int64_t filters;
  Size2D kernel = 1;
  int64_t strides = 1;
  Padding padding = Padding::same;
};

struct InceptionLayers {
  NetworkBuilder& network;
  /// Convolutions one behind the other. Keras counts their names in the order in which they are made.
  Symbol convolved(Symbol x, std::initializer_list<Convolution> convolutions) {
    for (const Convolution& one : convolutions) {
      Conv2D options{.filters = one.filters, .kernel_size = one.kernel, .use_bias = false};
      options.strides = one.strides;
      options.padding = one.padding;
      x = network.apply(BatchNormalization{.scale = false}, network.apply(options, x));
      x = network.apply(ActivationLayer{.activation = Activation::relu}, x);
    }
    return x;
  }
  Symbol halved(const Symbol& x) { return network.apply(MaxPooling2D{.pool_size = 3, .strides = 2}, x); }
  Symbol averaged(const Symbol& x, int64_t filters) {
    AveragePooling2D pooling{.pool_size = 3, .strides = 1, .padding = Padding::same};
    return convolved(network.apply(pooling, x), {{filters}});
  }
  Symbol concatenated(const std::vector<Symbol>& branches, const std::string& name) {
    return network.apply(Concatenate{.axis = 3, .name = name}, branches);
  }
  Symbol mixed_5x5(const Symbol& x, int64_t pooled, int number) {
    Symbol a = convolved(x, {{64}}), b = convolved(x, {{48}, {64, 5}});
    Symbol c = convolved(x, {{64}, {96, 3}, {96, 3}});
    return concatenated({a, b, c, averaged(x, pooled)}, fmt::format("mixed{}", number));
  }
  Symbol mixed_7x7(const Symbol& x, int64_t filters, int number) {
    Symbol a = convolved(x, {{192}}), b = convolved(x, {{filters}, {filters, {1, 7}}, {192, {7, 1}}});
    Symbol c =
        convolved(x, {{filters}, {filters, {7, 1}}, {filters, {1, 7}}, {filters, {7, 1}}, {192, {1, 7}}});
    return concatenated({a, b, c, averaged(x, 192)}, fmt::format("mixed{}", number));
  }
  Symbol mixed_both_ways(const Symbol& x, int number) {
    auto both = [&](const Symbol& y, const std::string& name) {
      Symbol row = convolved(y, {{384, {1, 3}}}), column = convolved(y, {{384, {3, 1}}});
      return concatenated({row, column}, name);
    };
    Symbol a = convolved(x, {{320}});
    Symbol b = both(convolved(x, {{384}}), fmt::format("mixed9_{}", number));
    Symbol c = both(convolved(x, {{448}, {384, 3}}), "");
    return concatenated({a, b, c, averaged(x, 192)}, fmt::format("mixed{}", 9 + number));
  }
};

}  // namespace

// Inception-v3 (Szegedy et al. 2015).
Symbol inceptionv3(NetworkBuilder& network, Symbol x) {
  constexpr Padding valid = Padding::valid;
  InceptionLayers layers{network};
  x = layers.halved(layers.convolved(x, {{32, 3, 2, valid}, {32, 3, 1, valid}, {64, 3}}));
  x = layers.halved(layers.convolved(x, {{80, 1, 1, valid}, {192, 3, 1, valid}}));
  for (int i = 0; i < 3; ++i) x = layers.mixed_5x5(x, i == 0 ? 32 : 64, i);
  Symbol a = layers.convolved(x, {{384, 3, 2, valid}});
  Symbol b = layers.convolved(x, {{64}, {96, 3}, {96, 3, 2, valid}});
  x = layers.concatenated({a, b, layers.halved(x)}, "mixed3");
  for (int i = 4; i < 8; ++i) x = layers.mixed_7x7(x, i == 4 ? 128 : i == 7 ? 192 : 160, i);
  a = layers.convolved(x, {{192}, {320, 3, 2, valid}});
  b = layers.convolved(x, {{192}, {192, {1, 7}}, {192, {7, 1}}, {192, 3, 2, valid}});
  x = layers.concatenated({a, b, layers.halved(x)}, "mixed8");
  for (int i = 0; i < 2; ++i) x = layers.mixed_both_ways(x, i);
  return network.include_top() ? network.usual_top(x) : network.pooled(x, "", "");
}

}  // namespace manul::zoo
