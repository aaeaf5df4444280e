#include "manul/tools/support/training_check.h"

#include <gmock/gmock.h>

// What is said about a training that has ended.
namespace manul {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

History history_of(const std::vector<double>& losses, const std::vector<double>& validation = {}) {
  History history;
  for (size_t i = 0; i < losses.size(); ++i) {
    Logs logs{{"loss", losses[i]}, {"accuracy", 0.5}};
    if (!validation.empty()) logs.emplace_back("val_loss", validation[i]);
    history.add(logs);
  }
  return history;
}

/// Of two classes, each answered as `answers` says for a cat and a dog.
AnyEvaluation evaluation_with(size_t cat, size_t dog) {
  Evaluation evaluation({"cats", "dogs"});
  evaluation.add(0, cat == 0 ? std::vector<float>{0.9F, 0.1F} : std::vector<float>{0.1F, 0.9F});
  evaluation.add(1, dog == 0 ? std::vector<float>{0.9F, 0.1F} : std::vector<float>{0.1F, 0.9F});
  return evaluation;
}

std::vector<std::string> warnings(const History& history,
                                  const AnyEvaluation& evaluation = evaluation_with(0, 1)) {
  TrainOptions options;
  options.learning_rate = 0.5;
  return warnings_about_training(history, options, evaluation);
}

TEST(TrainingCheck, SaysNothingOfATrainingThatWentWell) {
  EXPECT_THAT(warnings(history_of({0.7, 0.5, 0.4}, {0.7, 0.6, 0.55})), IsEmpty());
  EXPECT_THAT(warnings(history_of({0.7})), IsEmpty());
  EXPECT_THAT(warnings(History()), IsEmpty());
}

TEST(TrainingCheck, ALossThatGrew) {
  EXPECT_THAT(warnings(history_of({0.6, 0.7, 0.8})),
              ElementsAre("the loss grew from 0.6000 to 0.8000: try a smaller --lr than 0.5"));
  EXPECT_THAT(warnings(history_of({0.6, 0.65})), IsEmpty()) << "by little";
  EXPECT_THAT(warnings(history_of({0.6, 3.5})), ElementsAre(HasSubstr("guessing would give 0.6931")));
}

TEST(TrainingCheck, AValidationThatGotWorse) {
  EXPECT_THAT(warnings(history_of({0.7, 0.6, 0.5, 0.4, 0.3}, {0.7, 0.5, 0.55, 0.6, 0.7})),
              ElementsAre(HasSubstr("val_loss has got worse since epoch 2, from 0.5000 to 0.7000")));
  EXPECT_THAT(warnings(history_of({0.7, 0.6, 0.5, 0.4}, {0.7, 0.6, 0.5, 0.7})), IsEmpty()) << "for one epoch";
}

TEST(TrainingCheck, OneAnswerForAll) {
  EXPECT_THAT(warnings(history_of({0.7, 0.69, 0.69}), evaluation_with(1, 1)),
              ElementsAre(HasSubstr("the network answers dogs for every picture")));
  EXPECT_THAT(warnings(history_of({0.7, 0.69}), evaluation_with(1, 1)), IsEmpty()) << "it is early";
}

}  // namespace
}  // namespace manul
