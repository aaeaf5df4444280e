#pragma once

#include <memory>
#include <string>

#include "manul/models/hdf5/reader.h"
#include "manul/models/keras/training.h"

// Keras 3's .keras files: zip archives of config.json (network and how it was compiled), metadata.json and
// model.weights.h5.
namespace manul::keras {

/// What a .keras file holds, in the words of an .h5 file.
struct ArchiveFile {
  Config model_config;
  Config training_config;  // null: not compiled
  Version version;
  std::shared_ptr<const hdf5::OpenFile> weights;  // in memory
};

bool is_archive(const hdf5::OpenFile& file);

/// Throws ErrorKind::model_file. What is unpacked is limited in proportion to the file.
ArchiveFile read_archive(const hdf5::OpenFile& file);

/// The bytes of a .keras file of a model whose weights are in `weights`.
std::string archive_image(const Model& model, std::string weights);

}  // namespace manul::keras
