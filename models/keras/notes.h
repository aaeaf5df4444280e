#pragma once

#include "manul/models/graph/model.h"
#include "manul/models/hdf5/reader.h"
#include "manul/models/hdf5/writer.h"

// What our files hold beside what Keras knows: attributes and a group of the root that Keras does not look
// at.
namespace manul::keras {

/// JSON: version of Manul, class names, size of the picture, preprocessing, seed.
inline constexpr const char* notes_attribute = "manul";
/// JSON: TrainingState::values. Its tensors are datasets of the group of the same name.
inline constexpr const char* state_attribute = "manul_training";

Config notes_config(const Model& model);
void read_notes(const Config& notes, Model& model);
uint64_t read_seed(const Config& notes);

/// Nothing is written for an empty state.
void write_state(hdf5::Group& root, const TrainingState& state);
void read_state(hdf5::Reader& file, Config values, Model& model);

}  // namespace manul::keras
