#pragma once

#include "manul/data/datasets/image_dataset.h"
#include "manul/data/synthetic/synthetic.h"
#include "manul/models/graph/sequential.h"
#include "manul/tests/temporary_folder.h"

namespace manul {

/// A folder of drawn pictures, `count` of each of two classes, and how they are read with augmentation.
struct DrawnFolder {
  explicit DrawnFolder(int64_t count) {
    write_synthetic(folder.path(), {.training = count, .test = 2, .size = 16, .on_progress = {}});
    files = ImageFolder::scan((folder / "training_set").string());
  }
  /// Without a cache the pictures are streamed: decoded again in each epoch.
  static ImageDatasetOptions augmented(int64_t cache_mb = 1024) {
    return {.image = {.height = 16, .width = 16},
            .augment = {.zoom_low = 0.8, .zoom_high = 1.2, .horizontal_flip = true},
            .cache_mb = cache_mb};
  }

  TemporaryFolder folder;
  ImageFolder files;
};

/// For such pictures.
inline Sequential picture_classifier() {
  Sequential model({16, 16, 3});
  model.add(Conv2D{.filters = 4, .kernel_size = 3, .strides = 2, .activation = Activation::relu});
  model.add(Flatten{});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  return model;
}

}  // namespace manul
