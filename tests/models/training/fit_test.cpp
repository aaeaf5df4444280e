#include <gtest/gtest.h>

#include <utility>

#include "manul/framework/error.h"
#include "manul/ops/losses/kinds/huber.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

TEST(Fit, LearnsAndReportsAsKerasDoes) {
  InMemoryDataset train = corner_pictures(201, 1), test = corner_pictures(50, 2);
  Sequential model = small_classifier();
  model.compile(Adam{{.learning_rate = 0.01}}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 3});
  History history = model.fit(train, {.epochs = 12, .validation = &test});
  ASSERT_EQ(history.epochs().size(), 12U);
  EXPECT_EQ(history.epochs()[0][0].first, "loss");
  EXPECT_EQ(history.epochs()[0][1].first, "accuracy");
  EXPECT_EQ(history.epochs()[0][2].first, "val_loss");
  EXPECT_EQ(history.epochs()[0][3].first, "val_accuracy");
  EXPECT_LT(history["loss"].back(), 0.5 * history["loss"].front());
  EXPECT_GT(history["val_accuracy"].back(), 0.8);
  EXPECT_EQ(history.stop_reason, StopReason::finished);
  EXPECT_EQ(model.state().read().iteration, 12 * 7);
  Logs evaluated = model.evaluate(test);
  EXPECT_EQ(evaluated[0].second, history["val_loss"].back());
  EXPECT_EQ(evaluated[1].second, history["val_accuracy"].back());
}

TEST(Fit, TrainsWithALossOfOpsAndSavesIt) {
  InMemoryDataset train = corner_pictures(201, 1);
  Sequential model = small_classifier();
  model.compile(Adam{{.learning_rate = 0.01}}, Huber{.delta = 0.3}, {Metric::accuracy}, {.seed = 3});
  History history = model.fit(train, {.epochs = 12});
  EXPECT_LT(history["loss"].back(), 0.6 * history["loss"].front());
  EXPECT_GT(history["accuracy"].back(), 0.8);
  TemporaryFolder folder;
  model.save(folder / "huber.h5");
  Model again = Model::load(folder / "huber.h5", {.training = true});
  EXPECT_EQ(again.objectives()[0].loss.name(), "huber");
  EXPECT_EQ(again.loss().options, (Options{{"delta", 0.3}}));
  EXPECT_EQ(again.evaluate(train), model.evaluate(train));
}

TEST(Fit, TrainsWithAFunctionOfTensorsAndSaysThatAFileCannotHoldIt) {
  InMemoryDataset train = corner_pictures(201, 1);
  Sequential model = small_classifier(), known = small_classifier();
  LossSpec own{"own", "Own", {}, {}, [](const Tensor& labels, const Tensor& predictions) {
                 return mean_of_rows(square(subtract(labels, predictions)));
               }};
  model.compile(Adam{}, own, {}, {.seed = 3});
  known.compile(Adam{}, find_loss("mse"), {}, {.seed = 3});
  EXPECT_EQ(model.fit(train, {.epochs = 2})["loss"], known.fit(train, {.epochs = 2})["loss"]);
  TemporaryFolder folder;
  EXPECT_THROW(model.save(folder / "own.h5"), Error);
  EXPECT_THROW(model.compile(Adam{}, find_loss("no_such_loss")), Error);
}

/// Counts what it is told, and where.
class Steps : public Callback {
 public:
  void on_step_end(FitProgress& fit) override { steps.push_back(fit.step); }
  std::vector<int64_t> steps;
};

/// 201 samples are six batches of 32 and a short one.
std::vector<int64_t> steps_told(Dataset& train, int64_t steps_per_execution, History& history) {
  Sequential model = small_classifier();
  model.compile(Adam{}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 3});
  Steps told;
  history = model.fit(train, {.steps_per_execution = steps_per_execution, .callbacks = {&told}});
  return told.steps;
}

TEST(Fit, SeveralStepsAreOneExecution) {
  InMemoryDataset train = corner_pictures(201, 1);
  History single, several;
  EXPECT_EQ(steps_told(train, 1, single), (std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(steps_told(train, 4, several), (std::vector<int64_t>{4, 6, 7}));
  EXPECT_EQ(several.epochs(), single.epochs());
  EXPECT_EQ(steps_told(train, 100, several), (std::vector<int64_t>{6, 7}));
  EXPECT_EQ(several.epochs(), single.epochs());
  EXPECT_THROW(steps_told(train, 0, several), Error);
}

TEST(Fit, BatchesThatTheHostPreparesAreExecutedOneByOne) {
  class Prepared : public ArrayDataset {
   public:
    using ArrayDataset::ArrayDataset;
    bool is_resident() const override { return false; }
    void prepare(int64_t position, int64_t length) override { prepared.emplace_back(position, length); }
    std::vector<std::pair<int64_t, int64_t>> prepared;
  };
  Prepared train(random_tensor({70, 9, 10, 2}, 1), Tensor::from(std::vector<int32_t>(70), {70}));
  History history;
  EXPECT_EQ(steps_told(train, 4, history), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(train.prepared, (std::vector<std::pair<int64_t, int64_t>>{{0, 32}, {32, 32}, {64, 6}}));
}

}  // namespace
}  // namespace manul
