#pragma once

#include "manul/tools/support/run_folder.h"

namespace manul {

/// Where --tensorboard writes in a run's folder: tensorboard --logdir runs shows all runs.
inline constexpr const char* tensorboard_folder = "tensorboard";

/// Adds the pictures of a run that has ended to its event files, and its options.
void write_tensorboard_pictures(const RunFolder& folder, const Config& options, int64_t epoch);

}  // namespace manul
