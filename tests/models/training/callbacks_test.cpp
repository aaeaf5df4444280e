#include "manul/models/training/callbacks.h"

#include <gmock/gmock.h>

#include <cmath>
#include "manul/framework/warning.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/models/scripted_fit.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

/// One weight, to which an epoch writes its number.
Sequential one_weight() {
  Sequential model({1});
  model.add(Dense{.units = 1, .use_bias = false});
  model.build();
  return model;
}

void set_weight(Model& model, double value) {
  model.parameters().at("dense/kernel").value.copy_from(Tensor::full({1, 1}, value));
}

EarlyStoppingOptions early_stopping_options(const Fixture& fixture, const std::string& object) {
  EarlyStoppingOptions options;
  options.monitor = fixture.text(object, "monitor");
  options.patience = static_cast<int64_t>(fixture.number(object, "patience"));
  if (fixture.has_attribute(object, "min_delta")) options.min_delta = fixture.number(object, "min_delta");
  if (fixture.has_attribute(object, "baseline")) options.baseline = fixture.number(object, "baseline");
  if (fixture.has_attribute(object, "mode"))
    options.mode = fixture.text(object, "mode") == "max" ? MonitorMode::max : MonitorMode::min;
  options.restore_best_weights = fixture.has_attribute(object, "restore_best_weights");
  if (fixture.has_attribute(object, "start_from_epoch"))
    options.start_from_epoch = static_cast<int64_t>(fixture.number(object, "start_from_epoch"));
  return options;
}

/// Every epoch of a case of the reference, Keras 3's where it differs from Keras 2.
void expect_early_stopping(const Fixture& fixture, const std::string& object) {
  SCOPED_TRACE(object);
  Sequential model = one_weight();
  ScriptedFit fit(model);
  EarlyStopping early_stopping(early_stopping_options(fixture, object));
  std::string monitor = fixture.text(object, "monitor");
  std::vector<double> metric = fixture.values(object + "/metric"), stop = fixture.values(object + "/stop");
  std::vector<double> best = fixture.values(object + "/best"), wait = fixture.values(object + "/wait");
  early_stopping.on_train_begin(fit);
  for (size_t epoch = 0; epoch < stop.size(); ++epoch) {
    fit.epoch = static_cast<int64_t>(epoch);
    set_weight(model, static_cast<double>(epoch));
    early_stopping.on_epoch_end(fit, {{"loss", 1}, {monitor, metric[epoch]}});
    EXPECT_EQ(fit.is_stopped(), stop[epoch] != 0) << "epoch " << epoch;
    EXPECT_EQ(early_stopping.best(), best[epoch]) << "epoch " << epoch;
    EXPECT_EQ(static_cast<double>(early_stopping.wait()), wait[epoch]) << "epoch " << epoch;
  }
  early_stopping.on_train_end(fit);
  EXPECT_EQ(static_cast<double>(early_stopping.best_epoch()), fixture.values(object + "/best_epoch")[0]);
  EXPECT_EQ(model.parameters().at("dense/kernel").value.item<float>(),
            static_cast<float>(fixture.values(object + "/weights_from_epoch")[0]));
}

TEST(EarlyStopping, EqualsKerasInEveryCase) {
  Fixture fixture(reference_file("training.h5"));
  std::vector<std::string> cases = fixture.names("keras2/EarlyStopping");
  EXPECT_EQ(cases.size(), 15U);
  for (const std::string& name : cases) {
    bool differs = fixture.has("keras3/EarlyStopping/" + name);
    expect_early_stopping(fixture, (differs ? "keras3" : "keras2") + ("/EarlyStopping/" + name));
  }
}

TEST(EarlyStopping, GoesOnAfterAResumeWhereItStood) {
  Sequential model = one_weight();
  EarlyStopping before({.patience = 3, .restore_best_weights = true});
  ScriptedFit fit(model);
  before.on_train_begin(fit);
  double losses[] = {1.0, 0.5, 0.7};
  for (fit.epoch = 0; fit.epoch < 3; ++fit.epoch) {
    set_weight(model, static_cast<double>(fit.epoch));
    before.on_epoch_end(fit, {{"val_loss", losses[fit.epoch]}});
  }
  TrainingState state;
  before.save_state(state);
  EarlyStopping after({.patience = 3, .restore_best_weights = true});
  after.on_train_begin(fit);
  after.load_state(state);
  for (; !fit.is_stopped(); ++fit.epoch) after.on_epoch_end(fit, {{"val_loss", 0.6}});
  EXPECT_EQ(fit.epoch, 5);
  after.on_train_end(fit);
  EXPECT_EQ(model.parameters().at("dense/kernel").value.item<float>(), 1);
}

TEST(EarlyStopping, NamesALogThatIsNotThere) {
  Sequential model = one_weight();
  ScriptedFit fit(model);
  EarlyStopping early_stopping;
  try {
    early_stopping.on_epoch_end(fit, {{"loss", 1}, {"accuracy", 1}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "fit: val_loss is to be watched, but an epoch has only loss, accuracy");
  }
}

TEST(ModelCheckpoint, SavesEveryEpochOrTheBest) {
  Sequential model = one_weight();
  ScriptedFit fit(model);
  ModelCheckpoint best({.filepath = "best.h5", .monitor = "val_accuracy", .save_best_only = true});
  ModelCheckpoint last({.filepath = "last.h5"});
  double accuracies[] = {0.5, 0.4, std::nan(""), 0.6};
  for (Callback* callback : std::initializer_list<Callback*>{&best, &last}) {
    callback->on_train_begin(fit);
    for (double accuracy : accuracies) callback->on_epoch_end(fit, {{"loss", 1}, {"val_accuracy", accuracy}});
  }
  EXPECT_EQ(fit.saved,
            (std::vector<std::string>{"best.h5", "best.h5", "last.h5", "last.h5", "last.h5", "last.h5"}));
}

TEST(CSVLogger, WritesOneLineAnEpoch) {
  TemporaryFolder folder;
  std::string path = folder / "history.csv";
  Sequential model = one_weight();
  ScriptedFit fit(model);
  CSVLogger logger(path);
  for (int i = 0; i < 2; ++i) {
    Logs logs{{"loss", 0.5 + i}, {"val_loss", 0.25}};
    fit.history.add(logs);
    logger.on_epoch_end(fit, logs);
  }
  EXPECT_EQ(read_file(path), "epoch,loss,val_loss\n0,0.5,0.25\n1,1.5,0.25\n");
  CSVLogger nowhere("/nowhere/history.csv");
  EXPECT_EQ(logger.problem(), "");
  std::vector<std::string> warnings;
  set_warning_handler([&](const std::string& text) { warnings.push_back(text); });
  for (int i = 0; i < 2; ++i) nowhere.on_epoch_end(fit, fit.history.epochs()[0]);
  set_warning_handler({});
  EXPECT_EQ(warnings.size(), 1) << "told once, and the training goes on";
  EXPECT_THAT(nowhere.problem(),
              testing::HasSubstr("/nowhere/history.csv: no file can be made in its folder"));
}

TEST(TerminateOnNaN, StopsAFitWhoseLossIsNotFinite) {
  InMemoryDataset train = corner_pictures(40, 1);
  Sequential model = small_classifier();
  model.compile(SGD{{.learning_rate = 1e30}}, Loss::binary_crossentropy);
  TerminateOnNaN terminate(std::chrono::milliseconds(0));
  History history = model.fit(train, {.epochs = 3, .batch_size = 4, .callbacks = {&terminate}});
  EXPECT_EQ(history.stop_reason, StopReason::not_finite);
  EXPECT_EQ(history.stopped_epoch, 0);
  EXPECT_LT(history.stopped_step, 10);
}

}  // namespace
}  // namespace manul
