#pragma once

#include <string>
#include <vector>

#include "manul/models/graph/model.h"

// Keras' model files, of Keras 1.2 to 3. Model::load() reads a file of model.save('x.h5'): architecture,
// weights and, for training, loss, optimizer with its state, and what a resumed fit needs. Model::save()
// writes a file that tf.keras 2.2 to 2.15 and Keras 3 open: to predict, and to go on training (tf.keras with
// the optimizer's state, Keras 3, which restores that of no .h5 file, with a fresh one). Both know Keras 3's
// own format as well, by the ending .keras: Keras 3 restores the optimizer's state from it.
//
// A file is data: a closed set of layers, no code, nothing outside the file, every size checked before memory
// is asked for. What is refused is refused with ErrorKind::model_file in one sentence "FILE: OBJECT: REASON".
namespace manul {

struct LoadWeightsOptions {
  bool by_name =
      false;  // layers are matched by their names, not in order; those that only one side has are left
  bool skip_mismatch = false;  // layers whose weights have other shapes are left as they are, not an error
  bool conversion = true;      // as LoadOptions::conversion
};

/// What load_weights() found: names of layers with weights (of a nested model, as a whole).
struct LoadedWeights {
  bool by_name = false;
  std::vector<std::string> loaded;
  std::vector<std::string> other_shapes;  // left as they are: the file's have other shapes, or another number
  std::vector<std::string> not_in_file;   // left as they are; by name
  std::vector<std::string> not_in_model;  // of the file alone; by name
};

/// Reads the weights of a file into `model`, which is built if it was not: of save_weights() or save(),
/// `.h5`, `.weights.h5` or `.keras`. The layers with weights are matched in order, as Keras does; all shapes
/// must agree. By name the layers within a nested model of an `.h5` file are found as well. Throws
/// ErrorKind::model_file; the model's weights are then partly those of the file only if a
/// weight is not finite. Files `.weights.h5` have no names of layers: by_name is refused.
LoadedWeights load_weights(Model& model, const std::string& path, const LoadWeightsOptions& options = {});

/// Writes the weights alone: in Keras 3's layout (with the optimizer's state) if `path` ends with
/// .weights.h5, otherwise as Keras 1 to 2.15 do. Atomic.
void save_weights(const Model& model, const std::string& path);

/// The architecture as Keras' model.to_json() writes it, and the model, without weights, of such a text of
/// any Keras. Throws ErrorKind::model_file.
std::string to_json(const Model& model);
Model model_from_json(const std::string& text);

}  // namespace manul
