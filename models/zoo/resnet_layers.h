#pragma once

#include <array>
#include <string>

#include "manul/models/zoo/network_builder.h"

namespace manul::zoo {

/// What residual networks are made of, with the names of keras.applications.resnet.
class ResNetLayers {
 public:
  /// `normalization`: the options that all have.
  ResNetLayers(NetworkBuilder& network, const BatchNormalization& normalization)
      : network_(network), normalization_(normalization) {}

  /// NAME_conv.
  Symbol convolution(const Symbol& x, Conv2D options, const std::string& name);
  /// NAME_bn.
  Symbol normalized(const Symbol& x, const std::string& name);
  /// NAME_bn and NAME_relu.
  Symbol normalized_relu(const Symbol& x, const std::string& name);
  Symbol relu(const Symbol& x, const std::string& name);
  /// NAME_pad: zeros all around.
  Symbol padded(const Symbol& x, int64_t zeros, const std::string& name);
  /// NAME_add and NAME_out: the sum, activated.
  Symbol added_relu(const Symbol& x, const Symbol& y, const std::string& name);

  /// A convolution of 7x7 and a pooling, each of which halves the picture.
  Symbol stem(Symbol x, bool use_bias, bool is_normalized = true);

  /// The stages conv2 to conv5: block(x, filters, stage 0 to 3, number of the block from 1, name).
  template <class Block>
  Symbol stages(Symbol x, const std::array<int, 4>& blocks, Block block) {
    for (int stage = 0; stage < 4; ++stage)
      for (int i = 1; i <= blocks[stage]; ++i)
        x = block(x, int64_t{64} << stage, stage, i, fmt::format("conv{}_block{}", stage + 2, i));
    return x;
  }

 private:
  NetworkBuilder& network_;
  BatchNormalization normalization_;
};

}  // namespace manul::zoo
