#pragma once

#include <string>
#include <vector>

#include "manul/data/image/image.h"
#include "manul/models/training/history.h"
#include "manul/tools/support/evaluation.h"

namespace manul {

/// Loss and metrics by epoch, training and validation in one panel each; a line marks the best epoch (from
/// 0).
Image curves_picture(const History& history, size_t best_epoch);

/// The matrix in counts and, beside it, in parts of each true class.
Image confusion_picture(const Evaluation& evaluation);

/// A picture, what stands below it, and whether that is good news.
struct Tile {
  Image picture;
  std::string text;
  enum class Mood { neutral, good, bad } mood = Mood::neutral;
};

/// Pictures of one size in rows of eight, each with its text.
Image mosaic(const std::vector<Tile>& tiles);

/// The first batch of an epoch as the network sees it, augmented.
std::vector<Tile> training_tiles(ImageDataset& data, int64_t epoch, uint64_t seed, bool shuffle);

/// The pictures at `places` of `data`, read again, with what was answered about them.
std::vector<Tile> answer_tiles(const ImageDataset& data, const Evaluation& evaluation,
                               const std::vector<size_t>& places);

/// Places of pictures that are spread over the data, and those of the most confident mistakes, the worst
/// first.
std::vector<size_t> spread_places(const Evaluation& evaluation, size_t most);
std::vector<size_t> worst_places(const Evaluation& evaluation, size_t most);

}  // namespace manul
