#pragma once

#include <string>

#include "manul/models/graph/model.h"

// Keras' HDF5 model files, of Keras 1.2 to 3. Model::load() reads a file of model.save('x.h5'): architecture,
// weights and, for training, loss, optimizer with its state, and what a resumed fit needs. Model::save()
// writes a file that tf.keras 2.2 to 2.15 and Keras 3 open: to predict, and to go on training (tf.keras with
// the optimizer's state, Keras 3, which restores that of no .h5 file, with a fresh one).
//
// A file is data: a closed set of layers, no code, nothing outside the file, every size checked before memory
// is asked for. What is refused is refused with ErrorKind::model_file in one sentence "FILE: OBJECT: REASON".
namespace manul {

/// Reads the weights of a file of model.save_weights('x.h5') or model.save('x.h5') into `model`, which is
/// built if it was not. The layers with weights are matched in order, as Keras does; all shapes must agree.
/// Throws ErrorKind::model_file; the model's weights are then partly those of the file only if a weight is
/// not finite.
void load_weights(Model& model, const std::string& path);

}  // namespace manul
