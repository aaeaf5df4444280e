#pragma once

#include <string>

#include "manul/models/graph/model.h"

namespace manul {

/// What Model::summary tells, for a terminal of `columns` columns: names stay whole, a layer has one line,
/// and an indented one says what it gets where that is not the layer above it. Wider where a single name is.
std::string layer_table(const Model& model, size_t columns = 80);

}  // namespace manul
