#pragma once

#include "manul/tools/support/classifier.h"
#include "manul/tools/support/table_evaluation.h"

namespace manul {

/// What evaluate has found.
struct EvaluatedModel {
  const Classifier& classifier;
  const AnyEvaluation& evaluation;
  std::vector<PictureFile> files;  // in the order of the evaluation
  std::string model, data, command;
  std::vector<std::string> unreadable;  // a sentence each
  double seconds = 0;
};

/// Makes the folder of --report, or takes an empty one. Throws ErrorKind::usage if there is something in it.
void prepare_report_folder(const std::filesystem::path& folder);
/// Writes report.html, confusion_matrix.png (scatter.png of numbers), predictions.jpg and worst.jpg to it.
void write_evaluation_report(const std::filesystem::path& folder, const EvaluatedModel& run);

}  // namespace manul
