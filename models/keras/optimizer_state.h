#pragma once

#include "manul/models/keras/training.h"

namespace manul::keras {

/// Reads iteration, learning rate (Keras 3) and slots from the group optimizer_weights into the compiled
/// model. The layout follows from the version and `config`, the file's optimizer_config. Refuses a list that
/// does not fit.
void read_optimizer_state(hdf5::Reader& file, const Config& config, const Version& version,
                          const std::vector<SavedLayer>& layers, Model& model);

}  // namespace manul::keras
