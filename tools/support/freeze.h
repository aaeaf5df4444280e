#pragma once

#include <string>

#include "manul/models/graph/model.h"

namespace manul {

/// Freezes layers of a model: those up to LAYER in the order of its summary ("until=LAYER"), those of some
/// names ("NAME,NAME"), or all but the last one that has weights ("all-but-last"). A name may be that of a
/// nested model or of a layer in it. Throws ErrorKind::usage for a name that there is not, naming some that
/// look like it, and if nothing is left to train.
void freeze_layers(const Model& model, const std::string& which);

}  // namespace manul
