#pragma once

#include <filesystem>
#include <vector>

#include "manul/data/image/image.h"
#include "manul/framework/tensor.h"

namespace manul {

/// The pictures of these files, each as load_image() reads it, u8 [N, height, width, channels]; decoded on
/// all cores. Throws ErrorKind::data naming a file that cannot be read, or, where `options` leaves the size
/// to the files, one whose size is not that of the first.
///
///     Tensor x = load_images(ImageFolder::pictures_below("pictures"), {.height = 64, .width = 64});
Tensor load_images(const std::vector<std::filesystem::path>& files, const ImageOptions& options = {});

}  // namespace manul
