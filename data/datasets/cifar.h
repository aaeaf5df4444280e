#pragma once

#include <filesystem>

#include "manul/data/datasets/labelled_images.h"

namespace manul {

/// CIFAR-10 in its binary form (Krizhevsky 2009): data_batch_1.bin to data_batch_5.bin and test_batch.bin in
/// `folder`, class names from batches.meta.txt if it is there. Images u8 [N, 32, 32, 3]. Throws
/// ErrorKind::data naming the file that is missing, cut off, or has a label of no class.
LabelledImages read_cifar10(const std::filesystem::path& folder, DataPart part);

/// Which of its two labels an image of CIFAR-100 gets: one of 20 groups, or one of 100 kinds.
enum class CifarLabels { coarse, fine };

/// CIFAR-100 in its binary form: train.bin and test.bin in `folder`, class names from coarse_label_names.txt
/// or fine_label_names.txt if it is there.
LabelledImages read_cifar100(const std::filesystem::path& folder, DataPart part,
                             CifarLabels labels = CifarLabels::fine);

}  // namespace manul
