#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "manul/data/datasets/image_dataset.h"
#include "manul/models/graph/model.h"
#include "manul/tools/support/train_options.h"

namespace manul {

/// Where pictures and their labels are: a folder with a sub-folder a class, or a table.
using PictureSource = std::variant<ImageFolder, ImageTable>;

struct PictureSources {
  PictureSource train;
  std::optional<PictureSource> validation;

  /// The classes, or the columns of the table.
  const std::vector<std::string>& names() const;
  /// Of files to train on.
  int64_t size() const;
};

/// The same pictures, decoded.
struct Pictures {
  std::unique_ptr<ImageDataset> train, validation;
  std::string train_left_out, validation_left_out;  // what lies there and was not read, by its kind
};

/// Scans the folders or reads the tables that the options name; without any draws cats and dogs first.
/// Decodes nothing, so that what is wrong with a folder is told at once. Throws ErrorKind::data, and an error
/// when `stop` is set.
PictureSources find_pictures(const TrainOptions& options, const std::atomic<bool>& stop);

/// How the options have pictures made into inputs of the model.
ImageOptions image_options(const TrainOptions& options, const Model& model);

/// Reads all pictures to the model's device, naming on stderr those that are skipped. Ends with an error when
/// `stop` is set.
Pictures read_pictures(const PictureSources& sources, const TrainOptions& options, const Model& model,
                       const std::atomic<bool>& stop);

}  // namespace manul
