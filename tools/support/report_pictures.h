#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "manul/data/image/image.h"
#include "manul/models/training/history.h"
#include "manul/tools/support/explanation.h"
#include "manul/tools/support/table_evaluation.h"

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

/// The pictures at `places` of `files`, read again, with what was answered about them.
std::vector<Tile> answer_tiles(const std::vector<PictureFile>& files, const AnyEvaluation& evaluation,
                               const std::vector<size_t>& places);

/// A square picture of a file, with what speaks in it for an answer.
using ExplainTile = std::function<ExplainedPicture(const PictureFile& file, size_t answer, int side)>;
/// The same as answer_tiles(), each followed by what spoke for the wrong answer.
std::vector<Tile> explained_tiles(const std::vector<PictureFile>& files, const AnyEvaluation& evaluation,
                                  const std::vector<size_t>& places, const ExplainTile& explain);

/// Answers over truths of numbers, a panel a column, at most four.
Image scatter_picture(const TableEvaluation& evaluation);

/// Places of so many pictures that are spread over all of them, and those of the worst answers, the worst
/// first: the most confident mistakes, or the largest errors.
std::vector<size_t> spread_places(size_t all, size_t most);
std::vector<size_t> worst_places(const AnyEvaluation& evaluation, size_t most);

}  // namespace manul
