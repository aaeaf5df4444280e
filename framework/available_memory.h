#pragma once

#include <cstdint>
#include <filesystem>

namespace manul {

/// Bytes that a program can take now without being killed for it: free memory and swap, within the limits of
/// the control groups (version 1 and 2, with all those around them) that it runs in. The largest int64_t
/// where the system does not say. `root` is where /proc and /sys are looked for.
int64_t available_memory(const std::filesystem::path& root = "/");

}  // namespace manul
