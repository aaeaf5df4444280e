#pragma once

#include "manul/data/datasets/picture_file.h"
#include "manul/data/image/pixels.h"
#include "manul/models/explain/activation_map.h"
#include "manul/tools/support/task.h"

namespace manul {

/// Which of the model's outputs an answer is, for activation_map(): of one sigmoid for two classes the second
/// class is the output itself, the first its opposite.
Tensor picks_of(Task task, int64_t outputs, const std::vector<size_t>& answers);

/// An RGB picture with what a network looked at in it: where the map (f32 [1, height, width] or a sample of
/// [N, ..]) is above 0 the picture is coloured, from blue to red, the more the larger the value is beside the
/// map's largest; the rest is darker and gray.
Image explained(const Image& picture, const ActivationMap& map, size_t sample = 0);

/// A picture as it is shown, and with what was looked at in it.
struct ExplainedPicture {
  Image picture, overlay;
};

/// How a model sees the pictures of files.
struct Seeing {
  const Model& model;
  size_t output = 0;  // which of the model's
  Task task = Task::classify;
  ImageOptions picture;  // of the network's size
  PixelScale scale;
};

/// What in the picture of a file speaks for class (or label, number) `answer`. It is shown in its own form,
/// at most 512 pixels long, or as a square of `side`. Throws ErrorKind::data if the file cannot be read.
ExplainedPicture explain_picture(const Seeing& seeing, const PictureFile& file, size_t answer, int side = 0);

/// Pictures of one height side by side.
Image beside(const std::vector<Image>& pictures);

}  // namespace manul
