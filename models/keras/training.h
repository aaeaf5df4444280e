#pragma once

#include "manul/models/graph/model.h"
#include "manul/models/keras/weights.h"

namespace manul::keras {

/// Which Keras wrote a file.
struct Version {
  int major = 1;
  int minor = 0;
  int patch = 0;
  bool before(int other_major, int other_minor, int other_patch) const;
};
/// Of an attribute keras_version: "2.15.0", "2.2.4-tf".
Version parse_version(const std::string& text);

/// The training_config of a compiled model.
Config training_config(const Model& model);

/// Writes iteration and slots to the group optimizer_weights, in the layout of tf.keras 2.2 to 2.10, which
/// later ones take for their legacy optimizers.
void write_optimizer(hdf5::Group& group, const Model& model);

/// Compiles `model` as training_config says and gives the optimizer the state that the file has. `layers`:
/// the model's, in the file's order. Throws ErrorKind::model_file if the file asks for something that would
/// train differently here.
void read_training(hdf5::Reader& file, const Config& training_config, const Version& version,
                   const std::vector<SavedLayer>& layers, Model& model);

}  // namespace manul::keras
