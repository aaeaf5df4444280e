#pragma once

#include <string>
#include <vector>

#include "manul/models/graph/graph.h"

namespace manul::keras {

/// One entry of a file's layer_names: a layer, or a nested model with all layers in it.
struct SavedLayer {
  std::string name;
  std::vector<LayerPtr> layers;
  std::vector<SavedLayer> parts = {};  // the same layers as the nested model's own entries
};

/// A network and its layers in the order in which a file has their weights.
struct Architecture {
  Graph graph;
  std::vector<SavedLayer> layers;
};

/// The network that a file's model_config describes; nested models are layers (GraphLayer). `major_version`
/// is that of the Keras that wrote the file. Throws ErrorKind::model_file naming the layer and what about it
/// is not supported.
Architecture read_architecture(const Config& model_config, int major_version);

/// The model_config of a graph, as tf.keras 2.10 writes it and every later Keras reads it; activations are
/// named as in that major version of Keras. Each call of a nested model stands there twice: tf.keras counts
/// them from 1 and Keras 3 from 0, so that what the one takes for the first of a pair is the second to the
/// other. Both drop the call that is not used.
Config architecture_config(const Graph& graph, int keras_version = 2);

/// The order of Keras' model.layers, in which it prints a summary and takes the weights of a file: indices of
/// graph.layers() by their distance from the outputs, the farthest first; among equals as a walk from the
/// outputs meets them.
std::vector<int> layer_order(const Graph& graph);
/// The layers in that order.
std::vector<LayerPtr> ordered_layers(const Graph& graph);

/// The same as entries of a file: nested models with all layers in them.
std::vector<SavedLayer> saved_layers(const Graph& graph);
/// All layers of entries, those of nested models in their place.
std::vector<LayerPtr> leaves_of(const std::vector<SavedLayer>& entries);

/// A layer's name in a file: a slash would be a group.
std::string file_name(std::string name);
std::string file_name(const Layer& layer);

/// The config of one layer with today's class and keys where Keras 1 has another class, or several keys for
/// one of today. (Other names for a key are the layer's to tell: Description.)
Config modern_config(const Config& config, std::string& class_name, int major_version);

}  // namespace manul::keras
