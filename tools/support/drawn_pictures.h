#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>

namespace manul {

/// The folder training_set of the drawn cats and dogs, with test_set beside it, in $XDG_CACHE_HOME/manul or
/// ~/.cache/manul; draws them if they are not there, calling `on_progress` now and then. Ends with an error
/// when `stop` is set, and leaves nothing of what it had drawn; what a killed process has left is removed by
/// the next.
std::filesystem::path drawn_pictures(const std::function<void(int64_t done, int64_t total)>& on_progress,
                                     const std::atomic<bool>& stop);

}  // namespace manul
