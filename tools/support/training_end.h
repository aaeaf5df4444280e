#pragma once

#include <string>

#include "manul/models/training/history.h"
#include "manul/tools/support/best_epoch.h"
#include "manul/tools/support/run_folder.h"
#include "manul/tools/support/train_options.h"
#include "manul/tools/support/training_pictures.h"

namespace manul {

/// What --output holds, in words: "epoch 12, the best by val_loss".
std::string kept_text(const TrainOptions& options, const History& history, const BestEpoch& best);

/// How a fit ended that was not asked to: early, or before it began (`trained` is false).
void print_end(const TrainOptions& options, const History& history, const BestEpoch& best, bool trained);

/// The last lines: the best and the last epoch with their figures, what was saved where, what to try next.
void print_summary(const TrainOptions& options, const Pictures& pictures, const History& history,
                   const BestEpoch& best, const RunFolder* folder);

}  // namespace manul
