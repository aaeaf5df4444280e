#pragma once

#include <string>

#include "manul/models/graph/graph.h"

namespace manul {

/// The bytes of TensorFlow's GraphDef that shows a graph: a node for each call of a layer, called as the
/// layer (and
/// "_1", .. for a layer's further calls), with the layer's class as its operation, the shapes of its outputs,
/// and its options as attributes. Layers of a nested model are NESTED/LAYER.
std::string graph_definition(const Graph& graph);

}  // namespace manul
