#pragma once

#include "manul/models/graph/model.h"

namespace manul {

/// A network that bench measures, as compare_peers.py builds it in PyTorch.
struct BenchNetwork {
  const char* name;
  int64_t batch, side;  // of the large rows
  Model (*build)(int64_t side);
};

/// Those of the zoo with 1000 classes; "unet32", a U-Net of 32 to 512 channels with normalizations and two
/// classes a pixel (the zoo's has none); "vit_s16", ViT-S/16 (Dosovitskiy et al. 2020; Touvron et al. 2021)
/// with the mean of the patches in place of a class token.
const std::vector<BenchNetwork>& bench_networks();

}  // namespace manul
