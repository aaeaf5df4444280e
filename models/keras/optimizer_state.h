#pragma once

#include "manul/models/keras/training.h"

namespace manul::keras {

/// The optimizer of a file's optimizer_config. Throws ErrorKind::model_file if it would train differently
/// here.
std::unique_ptr<Optimizer> read_optimizer(const Config& config, const Version& version);

/// The optimizer_config of a compiled model. Adam and SGD as tf.keras 2.10 writes them; with options that it
/// does not know, and other optimizers, as tf.keras 2.15 does ("Custom>AdamW").
Config optimizer_config(const Model& model);

/// Throws if the optimizer is one of Keras before 2.11 that Keras 3 has in another form.
void check_keras3_holds(const Optimizer& optimizer);

/// Whether the slots of one parameter stand together in a file with this optimizer_config; in files before
/// tf.keras 2.11 each slot is a block.
bool is_interleaved(const Config& optimizer_config, const Version& version);

/// One tensor of an optimizer's state.
struct SlotPlace {
  const Optimizer::Slot* slot;
  const Parameter* parameter;
  Tensor values() const { return slot->values.range(parameter->offset, parameter->shape); }
};
/// All of them for these parameters in the order of Keras' files, after iteration and learning rate.
std::vector<SlotPlace> slot_places(const Optimizer& optimizer, const std::vector<Parameter*>& parameters,
                                   bool interleaved);

/// Reads iteration, learning rate (Keras 3) and slots from the group optimizer_weights into the compiled
/// model. The layout follows from the version and `config`, the file's optimizer_config. Refuses a list that
/// does not fit.
void read_optimizer_state(hdf5::Reader& file, const Config& config, const Version& version,
                          const std::vector<SavedLayer>& layers, Model& model);

}  // namespace manul::keras
