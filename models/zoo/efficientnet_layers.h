#pragma once

#include <string>

#include "manul/models/zoo/network_builder.h"

namespace manul::zoo {

/// A stage of an EfficientNet: its first block has the strides, all others 1.
struct EfficientStage {
  int64_t kernel, blocks, filters, expansion, strides;
  bool squeezes = true;  // EfficientNetV2: otherwise its blocks have one convolution for two
};

/// As Keras draws those of EfficientNets.
void draw_kernels(NetworkBuilder& network);

/// What the blocks of EfficientNets are made of, with Keras' names.
class EfficientLayers {
 public:
  EfficientLayers(NetworkBuilder& network, double momentum) : network_(network), momentum_(momentum) {}

  /// NAMEconv, NAMEbn, NAMEactivation.
  Symbol convolution(const Symbol& x, int64_t filters, int64_t kernel, int64_t strides,
                     const std::string& name, bool is_activated = true, Padding padding = Padding::same);
  /// NAMEbn, NAMEactivation.
  Symbol normalized(const Symbol& x, const std::string& name, bool is_activated = true);
  Symbol depthwise(const Symbol& x, int64_t kernel, int64_t strides, Padding padding,
                   const std::string& name);
  /// The channels weighed by what is in the whole picture.
  Symbol squeezed(const Symbol& x, int64_t filters, const std::string& name);
  /// x added to what a block made of it, from which whole samples are dropped in training.
  Symbol added(const Symbol& x, Symbol y, double drop_rate, const std::string& name);

 private:
  NetworkBuilder& network_;
  double momentum_;
};

}  // namespace manul::zoo
