#pragma once

#include <memory>
#include <optional>

#include "manul/data/datasets/image_dataset.h"
#include "manul/tools/support/train_options.h"

namespace manul {

/// Where the pictures of a training are.
struct PictureFolders {
  ImageFolder train;
  std::optional<ImageFolder> validation;
};

/// The same pictures, decoded.
struct Pictures {
  std::unique_ptr<ImageDataset> train, validation;
};

/// Scans the folders that the options name; without --data draws cats and dogs first. Decodes nothing, so
/// that what is wrong with a folder is told at once. Throws ErrorKind::data, and an error when `stop` is set.
PictureFolders find_pictures(const TrainOptions& options, const std::atomic<bool>& stop);

/// How the options have pictures made into inputs.
ImageOptions image_options(const TrainOptions& options);

/// Reads all pictures to `device`, naming on stderr those that are skipped. Ends with an error when `stop` is
/// set.
Pictures read_pictures(const PictureFolders& folders, const TrainOptions& options, Device device,
                       const std::atomic<bool>& stop);

}  // namespace manul
