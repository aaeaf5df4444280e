#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// More than any file of such a collection has.
inline constexpr int64_t most_data_bytes = int64_t{1} << 32;

/// Which part of a data set that comes in two.
enum class DataPart { training, test };

/// What readers of picture collections return; ready for ArrayDataset or Model::fit.
struct LabelledImages {
  Tensor images;                         // u8 [N, height, width, channels]
  Tensor labels;                         // i32 [N]
  std::vector<std::string> class_names;  // by label; empty: not known
};

}  // namespace manul
