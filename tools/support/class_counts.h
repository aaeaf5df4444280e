#pragma once

#include <string>
#include <vector>

#include "manul/data/datasets/image_dataset.h"
#include "manul/tools/support/task.h"

namespace manul {

/// How many of `files` each of `classes` classes has.
std::vector<int64_t> class_counts(const std::vector<ImageFolder::File>& files, size_t classes);

/// "8000 images in 2 classes: cats 4000, dogs 4000"; of many classes the smallest and the largest.
std::string counts_text(const std::vector<std::string>& class_names, const std::vector<int64_t>& counts);

/// The same of a data set for any task: how many pictures have each label, or from where to where numbers
/// go.
std::string contents_text(const ImageDataset& data, Task task);

}  // namespace manul
