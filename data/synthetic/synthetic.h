#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "manul/data/image/image.h"

namespace manul {

enum class SyntheticAnimal { cat, dog };

/// A drawn cat or dog, size x size RGB: the same for the same (animal, seed, index), different for every
/// index in fur, pose, place and background. Ears, colours and poses overlap between the two, so that telling
/// them apart takes looking: a network like the article's gets most of them right after a few epochs, not
/// all.
Image draw_synthetic(SyntheticAnimal animal, uint64_t seed, int64_t index, int size = 96);

/// How many pictures of each animal, and where from.
struct SyntheticOptions {
  int64_t training = 1000;  // of each animal
  int64_t test = 200;       // of each animal
  int size = 96;            // pixels a side
  uint64_t seed = 0;
  /// Called now and then with the number of files written so far.
  std::function<void(int64_t done, int64_t total)> on_progress = {};
  /// When set, drawing ends at once with an error that says so.
  const std::atomic<bool>* stop = nullptr;
};

/// Draws folder/{training_set,test_set}/{cats,dogs}/NAME.N.jpg, by all threads: the same bytes each time.
void write_synthetic(const std::filesystem::path& folder, const SyntheticOptions& options = {});

}  // namespace manul
