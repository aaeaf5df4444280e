#include "manul/tools/support/training_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace manul {
namespace {

/// The loss of always giving the same answer; nothing if it is not known.
std::optional<double> loss_of_guessing(const TrainOptions& options, const AnyEvaluation& evaluation) {
  if (!options.loss.empty()) return std::nullopt;
  if (const auto* classes = std::get_if<Evaluation>(&evaluation))
    return std::log(static_cast<double>(classes->classes()));
  const auto& table = std::get<TableEvaluation>(evaluation);
  if (table.task() == Task::multilabel) return std::log(2.0);
  return table.variance() > 0 ? std::optional(table.variance()) : std::nullopt;
}

void look_at_loss(const History& history, const TrainOptions& options, std::optional<double> guess,
                  std::vector<std::string>& warnings) {
  double first = history["loss"].front(), last = history["loss"].back();
  double guessing = guess.value_or(std::numeric_limits<double>::infinity());
  constexpr double far_worse = 2;
  if (last > far_worse * guessing)
    warnings.push_back(
        fmt::format("the loss ends at {:.4g}, and guessing would give {:.4g}: the learning rate {} is "
                    "probably too high, try a smaller --lr",
                    last, guessing, options.learning_rate));
  else if (history.epochs().size() > 1 && last > 1.2 * first)
    warnings.push_back(fmt::format("the loss grew from {:.4f} to {:.4f}: try a smaller --lr than {}", first,
                                   last, options.learning_rate));
}

/// The loss of the training pictures fell on, that of the validation did not.
void look_at_validation(const History& history, const TrainOptions& options,
                        std::vector<std::string>& warnings) {
  if (!find_log(history.epochs().back(), "val_loss")) return;
  std::vector<double> validation = history["val_loss"], training = history["loss"];
  if (validation.size() != training.size()) return;
  constexpr size_t few_epochs = 3;
  constexpr double clearly_worse = 1.1;
  auto best =
      static_cast<size_t>(std::min_element(validation.begin(), validation.end()) - validation.begin());
  bool worse = validation.back() > clearly_worse * validation[best] && training.back() < training[best];
  if (!worse || validation.size() - 1 - best < few_epochs) return;
  warnings.push_back(
      fmt::format("val_loss has got worse since epoch {}, from {:.4f} to {:.4f}, while the training's fell: "
                  "the network learns "
                  "the training pictures by heart{}",
                  best + 1, validation[best], validation.back(),
                  keeps_best(options) ? "" : "; --keep best, --patience or more pictures help"));
}

void look_at_answers(const Evaluation& evaluation, std::vector<std::string>& warnings) {
  int64_t asked = 0;
  for (size_t i = 0; i < evaluation.classes(); ++i) asked += evaluation.pictures_of(i) > 0;
  for (size_t i = 0; asked > 1 && i < evaluation.classes(); ++i)
    if (evaluation.answers_of(i) == evaluation.size())
      warnings.push_back(
          fmt::format("the network answers {} for every picture: it has not learned to tell the "
                      "classes apart",
                      evaluation.class_names()[i]));
}

}  // namespace

std::vector<std::string> warnings_about_training(const History& history, const TrainOptions& options,
                                                 const AnyEvaluation& evaluation) {
  std::vector<std::string> warnings;
  if (history.epochs().empty()) return warnings;
  look_at_loss(history, options, loss_of_guessing(options, evaluation), warnings);
  look_at_validation(history, options, warnings);
  constexpr size_t enough_epochs = 3;
  const auto* classes = std::get_if<Evaluation>(&evaluation);
  if (classes && history.epochs().size() >= enough_epochs) look_at_answers(*classes, warnings);
  return warnings;
}

}  // namespace manul
