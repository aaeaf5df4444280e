#pragma once

#include "manul/framework/config/config.h"

// Activations in layers' configs: by the names of the Keras that wrote a file there, by name_of() in memory.
// In Keras 2 hard_sigmoid is another function than in Keras 3, and silu is written swish.
namespace manul::keras {

/// The value of an option `activation` of a file by our names. What is no activation of that version of Keras
/// stays as it is, for the layer to judge; one of another version only is refused in a sentence that names
/// `layer` (ErrorKind::model_file).
Config activation_by_own_name(const Config& activation, int keras_version, std::string_view layer);

/// The other way, for a file of that version. An activation that only Keras 3 has is written as Keras 3 reads
/// it (tf.keras refuses it); throws where no Keras has a name for it.
Config activation_by_keras_name(const Config& activation, int keras_version);

}  // namespace manul::keras
