#pragma once

#include "manul/tools/support/best_epoch.h"
#include "manul/tools/support/run_folder.h"
#include "manul/tools/support/table_evaluation.h"
#include "manul/tools/support/train_options.h"
#include "manul/tools/support/training_pictures.h"

namespace manul {

/// What a run was, for its report.
struct TrainedRun {
  const TrainCommand& command;
  const Model& model;
  const Pictures& pictures;
  const History& history;
  const BestEpoch& best;
  const AnyEvaluation& evaluation;
  std::vector<std::string> warnings;
  std::string command_line, kept;  // which epoch --output holds, in words
  double seconds = 0;
};

/// args.json: every option, the command line, version and machine.
void write_arguments(const RunFolder& folder, const TrainCommand& command, const std::string& command_line,
                     Device device);

/// report.html, curves.png, confusion_matrix.png (scatter.png of numbers), train_batch.jpg,
/// val_predictions.jpg and worst.jpg. What cannot be drawn is warned about, and the page goes without it.
void write_report(const RunFolder& folder, const TrainedRun& run);

}  // namespace manul
