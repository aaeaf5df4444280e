#pragma once

#include <cstdint>
#include <vector>

#include "manul/framework/step.h"

namespace manul {

/// What process `rank` of `size` has of a batch of `length` samples: as many as the others, or one more.
/// Where there are fewer samples than processes, some have the first sample as well, which then does not
/// count.
BatchPart part_of_batch(int64_t length, int rank, int size);
/// Of this process.
BatchPart part_of_batch(int64_t length);

/// The samples that this process has of those in `order` from `first` on, batch by batch: what it walks
/// through in place of the whole epoch.
std::vector<int32_t> own_samples(const std::vector<int32_t>& order, int64_t first, int64_t batch_size);

/// Called by all: the sum of what the processes have of their parts of a batch, `values` itself of a whole
/// one. A constant to the tape.
Tensor sum_of_parts(const Tensor& values, const BatchPart& part);

}  // namespace manul
