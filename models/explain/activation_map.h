#pragma once

#include <string>
#include <vector>

#include "manul/models/graph/model.h"

namespace manul {

/// Where in pictures a model found what speaks for an answer.
struct ActivationMap {
  Tensor values;      // f32 [N, height, width] on the CPU; above 0: speaks for it, below: against it
  std::string layer;  // whose output was looked at
  bool saliency = false;
};

/// The map of each picture of x [N, height, width, channels], on any device: the gradient of
/// sum(picks * outputs) by the values of the last layer that still has the form of a picture and through
/// which all goes, times these values, summed over channels. `picks` [N, units] says which of the model's
/// outputs (of the one that is number `output`) is asked about, 1 there and 0 elsewhere, or -1 for the other
/// answer of a single sigmoid; outputs are taken without their last activation where it can be left out.
///
/// That is Grad-CAM (Selvaraju et al., 2017) where the network averages over places behind that layer, up to
/// a factor, and its element-wise form HiResCAM (Draelos and Carin, 2020) where it does not: there the mean
/// gradient of Grad-CAM loses the place. Behind a linear head the map's sum and the bias are the output.
///
/// Of a network that has no such layer behind weights the map is the saliency: the largest size of the
/// gradient by the picture's channels (Simonyan et al., 2013).
///
/// The model is built, takes one picture, and keeps gradients and values that it has. Throws ErrorKind::usage
/// if it takes something else.
ActivationMap activation_map(const Model& model, const Tensor& x, const Tensor& picks, size_t output = 0);

}  // namespace manul
