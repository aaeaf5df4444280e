#include <gtest/gtest.h>

#include "manul/framework/cpu/parallel.h"
#include "manul/models/training/callbacks.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

constexpr int64_t resumed_batch = 16;

Sequential compiled_model(uint64_t seed = 7) {
  Sequential model = small_classifier(0.3);
  model.compile(Adam{{.learning_rate = 0.01}}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = seed});
  return model;
}

/// What a file keeps of a model in training.
void copy_into(const Model& from, Model& to) {
  to.parameters().values().copy_from(from.parameters().values());
  for (size_t i = 0; i < from.optimizer().slots().size(); ++i)
    to.optimizer().slots()[i].values.copy_from(from.optimizer().slots()[i].values);
  to.training_state = from.training_state;
}

void expect_equal(const Model& a, const Model& b) {
  EXPECT_TRUE(equal_bits(a.parameters().values(), b.parameters().values()));
  for (size_t i = 0; i < a.optimizer().slots().size(); ++i)
    EXPECT_TRUE(equal_bits(a.optimizer().slots()[i].values, b.optimizer().slots()[i].values));
  StepState x = a.state().read(), y = b.state().read();
  EXPECT_EQ(x.iteration, y.iteration);
  EXPECT_EQ(x.seed, y.seed);
  EXPECT_EQ(x.learning_rate, y.learning_rate);
  EXPECT_EQ(a.training_state.values, b.training_state.values);
}

/// Asks fit to stop after a number of steps, as Ctrl-C does.
class StopAfter : public Callback {
 public:
  StopAfter(std::atomic<bool>& stop, int steps) : stop_(stop), steps_(steps) {}
  void on_step_end(FitProgress& /*fit*/) override {
    if (--steps_ == 0) stop_ = true;
  }

 private:
  std::atomic<bool>& stop_;
  int steps_;
};

TEST(Resume, TwoAndThreeEpochsAreFive) {
  InMemoryDataset train = corner_pictures(70, 1), test = corner_pictures(20, 2);
  Sequential whole = compiled_model(), first = compiled_model(), second = compiled_model(99);
  History all = whole.fit(train, {.epochs = 5, .batch_size = resumed_batch, .validation = &test});
  first.fit(train, {.epochs = 2, .batch_size = resumed_batch, .validation = &test});
  copy_into(first, second);
  History rest =
      second.fit(train, {.epochs = 5, .batch_size = resumed_batch, .validation = &test, .resume = true});
  expect_equal(second, whole);
  EXPECT_EQ(rest.epochs(), all.epochs());
}

TEST(Resume, GoesOnInTheMiddleOfAnEpoch) {
  InMemoryDataset train = corner_pictures(70, 1);  // 5 steps an epoch, the last one short
  Sequential whole = compiled_model();
  History all = whole.fit(train, {.epochs = 3, .batch_size = resumed_batch});
  for (int steps : {1, 5, 7, 14}) {
    std::atomic<bool> stop = false;
    StopAfter after(stop, steps);
    Sequential first = compiled_model(), second = compiled_model(99);
    History part =
        first.fit(train, {.epochs = 3, .batch_size = resumed_batch, .callbacks = {&after}, .stop = &stop});
    EXPECT_EQ(part.stop_reason, StopReason::requested);
    EXPECT_EQ(part.stopped_epoch * 5 + part.stopped_step, steps);
    EXPECT_EQ(first.state().read().iteration, steps);
    copy_into(first, second);
    History rest = second.fit(train, {.epochs = 3, .batch_size = resumed_batch, .resume = true});
    EXPECT_EQ(rest.stop_reason, StopReason::finished);
    expect_equal(second, whole);
    EXPECT_EQ(rest.epochs(), all.epochs());
  }
}

TEST(Resume, ReadsOlderStatesOfTheEndOfAnEpochAlone) {
  InMemoryDataset train = corner_pictures(70, 1);
  auto after_steps = [&](int steps, int64_t format) {
    std::atomic<bool> stop = false;
    StopAfter after(stop, steps);
    Sequential model = compiled_model();
    model.fit(train, {.epochs = 1, .batch_size = resumed_batch, .callbacks = {&after}, .stop = &stop});
    model.training_state.values.set("format", format);
    return model;
  };
  auto go_on = [&](Sequential model) {
    model.fit(train, {.epochs = 2, .batch_size = resumed_batch, .resume = true});
    return model;
  };
  expect_equal(go_on(after_steps(99, 1)), go_on(after_steps(99, 2)));
  for (auto [steps, format] : {std::pair(3, 1), std::pair(99, 3)}) {
    try {
      go_on(after_steps(steps, format));
      ADD_FAILURE() << steps << " steps, format " << format;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model_file) << error.what();
    }
  }
}

TEST(Resume, ThroughAFileGivesTheSameFile) {
  TemporaryFolder folder;
  std::string path = folder / "parts.h5", straight = folder / "whole.h5";
  InMemoryDataset train = corner_pictures(70, 1), test = corner_pictures(20, 2);
  FitOptions options{.epochs = 5, .batch_size = resumed_batch, .validation = &test};
  Sequential whole = compiled_model();
  EarlyStopping patient({.patience = 50, .restore_best_weights = true});
  options.callbacks = {&patient};
  whole.fit(train, options);
  whole.save(straight);

  for (int steps : {10, 12}) {  // at the end of an epoch, and within one
    std::atomic<bool> stop = false;
    StopAfter after(stop, steps);
    ModelCheckpoint checkpoint({.filepath = path});
    Sequential first = compiled_model();
    options.callbacks = {&patient, &after, &checkpoint};
    options.stop = &stop;
    first.fit(train, options);

    Model second = Model::load(path, {.training = true});
    options.callbacks = {&patient};
    options.stop = nullptr;
    options.resume = true;
    second.fit(train, options);
    options.resume = false;
    expect_equal(second, whole);
    second.save(path);
    EXPECT_TRUE(read_file(path) == read_file(straight));
  }
}

TEST(Resume, StopsAgainWhereItStoppedEarly) {
  InMemoryDataset train = corner_pictures(70, 1);
  EarlyStopping impatient({.monitor = "loss", .patience = 0, .min_delta = 100});
  Sequential model = compiled_model();
  History history = model.fit(train, {.epochs = 9, .callbacks = {&impatient}});
  EXPECT_EQ(history.stop_reason, StopReason::early_stopping);
  EXPECT_EQ(history.epochs().size(), 2U);
  History again = model.fit(train, {.epochs = 9, .callbacks = {&impatient}, .resume = true});
  EXPECT_EQ(again.stop_reason, StopReason::early_stopping);
  EXPECT_EQ(again.epochs(), history.epochs());
}

TEST(Resume, RefusesAStateThatDoesNotFit) {
  InMemoryDataset train = corner_pictures(70, 1), fewer = corner_pictures(10, 1);
  std::atomic<bool> stop = false;
  StopAfter after(stop, 3);
  Sequential model = compiled_model();
  model.fit(train, {.batch_size = resumed_batch, .callbacks = {&after}, .stop = &stop});
  try {
    model.fit(fewer, {.resume = true});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::model_file);
    EXPECT_STREQ(error.what(), "training state: it stopped at sample 48 of an epoch, the data has 10");
  }
}

TEST(Determinism, OneThreadAndTwoGiveTheSameBits) {
  InMemoryDataset train = corner_pictures(150, 3);
  std::vector<Sequential> models;
  for (int threads : {1, 2, 2}) {
    cpu::set_threads(threads);
    models.push_back(compiled_model());
    models.back().fit(train, {.epochs = 3});
  }
  cpu::set_threads(0);
  expect_equal(models[0], models[1]);
  expect_equal(models[1], models[2]);
}

TEST(Determinism, AnotherSeedGivesOtherWeights) {
  EXPECT_FALSE(equal_bits(compiled_model(1).parameters().values(), compiled_model(2).parameters().values()));
}

}  // namespace
}  // namespace manul
