#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "manul/layers/layer.h"

// How the config of a functional model says which layer is called on what.
namespace manul::keras {

/// Which value of a functional model: an output of call `node` of a layer.
struct Reference {
  std::string layer;
  int64_t node = 0;
  int64_t output = 0;
};

/// input_layers and output_layers: [[name, 0, 0], ..], one alone, or a map of them. Throws
/// ErrorKind::model_file on arguments other than `training`.
std::vector<Reference> read_references(const Config& config);

/// Keras' names of a layer's inputs where files name them ("query", "value"); none where they are a list.
std::vector<std::string> input_names_of(const Layer& layer);

/// A call of a layer in a functional model.
struct Call {
  std::vector<Reference> inputs;
  std::optional<bool> training;  // the argument, where the call has one
  bool use_causal_mask = false;  // MultiHeadAttention's argument
  bool given_masks = false;      // as Keras 3 writes them, which follow from the graph
};

/// One entry of a layer's inbound_nodes, as Keras 1 and 2 or as Keras 3 write them. The argument `training`
/// of a Keras 3 file is passed over, as Keras 3 itself does when it reads one. `input_names`: the layer's, of
/// which all but the first may stand among the call's named arguments. Throws on other named arguments that
/// ask for something.
Call read_call(const Config& call, const std::vector<std::string>& input_names = {});

/// The layers of a functional model's config that compute nothing but masks: Keras 3 writes those operators
/// as layers, and their values as arguments of calls (mask, query_mask ..). Throws where one is not an
/// operator that Keras makes masks of: somebody's own mask.
std::set<std::string> mask_layers(const Config& model);

}  // namespace manul::keras
