#pragma once

#include <string>

#include "manul/models/graph/graph.h"

namespace manul {

/// A drawing of a model for an HTML page: a box a layer from the top down, with its class, name and the shape
/// that it gives; ways around layers are arcs beside them. Nested models are laid out. Of a network of
/// hundreds of layers it is closed until a reader opens it.
std::string graph_svg(const Graph& graph);

}  // namespace manul
