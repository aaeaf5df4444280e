#pragma once

#include <string>
#include <vector>

#include "manul/models/training/history.h"
#include "manul/tools/support/table_evaluation.h"
#include "manul/tools/support/train_options.h"

namespace manul {

/// What went wrong in a run that ended well, one sentence each: a loss that grows or is worse than guessing,
/// a validation that got worse, all answers of one class. `evaluation`: of the model that was saved.
std::vector<std::string> warnings_about_training(const History& history, const TrainOptions& options,
                                                 const AnyEvaluation& evaluation);

}  // namespace manul
