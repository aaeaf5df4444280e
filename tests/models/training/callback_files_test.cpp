#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "manul/models/keras/h5.h"
#include "manul/models/training/callbacks.h"
#include "manul/testing/op_check.h"
#include "manul/tests/documentation_page.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Callbacks that write files, how they are called, and the page about all of them.
namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

Sequential trained_model() {
  Sequential model = small_classifier();
  model.compile(Adam{{.learning_rate = 0.01}}, Loss::binary_crossentropy,
                {"accuracy", Metric("FalsePositives").named("wrong"), Metric("Recall").named("rec")});
  return model;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string sentence_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ModelCheckpoint, NamesFilesByEpochAndLogs) {
  TemporaryFolder folder;
  InMemoryDataset train = corner_pictures(40, 1);
  Sequential model = trained_model();
  ModelCheckpoint checkpoint({.filepath = folder / "deep/er/m-{epoch:03d}-{loss:.1e}.h5"});
  History history = model.fit(train, {.epochs = 2, .batch_size = 16, .callbacks = {&checkpoint}});
  std::vector<std::string> wanted;
  for (int i = 0; i < 2; ++i)
    wanted.push_back(fmt::format("m-{:03d}-{:.1e}.h5", i + 1, history["loss"][static_cast<size_t>(i)]));
  EXPECT_EQ(names_in(folder / "deep/er"), wanted);
  Model loaded = Model::load(folder / ("deep/er/" + wanted[1]), {.training = true});
  EXPECT_TRUE(equal_bits(loaded.parameters().values(), model.parameters().values()));
  ModelCheckpoint unknown({.filepath = folder / "m-{epoch}-{val_loss:.2f}.h5"});
  EXPECT_THAT(sentence_of([&] { model.fit(train, {.callbacks = {&unknown}}); }),
              testing::AllOf(HasSubstr("val_loss:.2f"), HasSubstr("there are epoch, loss, accuracy")));
}

TEST(ModelCheckpoint, SavesEverySoManySteps) {
  TemporaryFolder folder;
  InMemoryDataset train = corner_pictures(80, 1);  // 5 steps of 16
  for (int64_t at_once : {1, 2}) {
    Sequential model = trained_model();
    std::string path = folder / fmt::format("{}", at_once);
    ModelCheckpoint checkpoint({.filepath = path + "/e{epoch}b{batch}.h5", .save_freq = 4});
    model.fit(train,
              {.epochs = 2, .batch_size = 16, .steps_per_execution = at_once, .callbacks = {&checkpoint}});
    EXPECT_THAT(names_in(path), ElementsAre("e1b4.h5", at_once == 1 ? "e2b3.h5" : "e2b4.h5")) << at_once;
  }
}

TEST(ModelCheckpoint, SavesWeightsAlone) {
  TemporaryFolder folder;
  InMemoryDataset train = corner_pictures(40, 1);
  Sequential model = trained_model(), other = trained_model();
  std::string path = folder / "only.weights.h5";
  ModelCheckpoint checkpoint({.filepath = path, .save_weights_only = true});
  model.fit(train, {.batch_size = 16, .callbacks = {&checkpoint}});
  load_weights(other, path);
  EXPECT_TRUE(equal_bits(other.parameters().values(), model.parameters().values()));
  EXPECT_THAT(sentence_of([&] { Model::load(path); }), HasSubstr("weights"));
}

/// Files that a checkpoint of the best writes for these values of `monitor`.
size_t saves(ModelCheckpointOptions options, const std::vector<double>& values) {
  TemporaryFolder folder;
  options.filepath = folder / "{epoch}.weights.h5";
  options.save_best_only = options.save_weights_only = true;
  Sequential model = trained_model();
  struct Fit : FitProgress {
    explicit Fit(Model& model) : FitProgress(model) {}
    Logs running_logs() override { return {}; }
    void stop(StopReason /*reason*/) override {}
    void save_checkpoint(const std::string& /*path*/) override {}
  } fit(model);
  ModelCheckpoint checkpoint(options);
  checkpoint.on_train_begin(fit);
  for (double value : values) {
    checkpoint.on_epoch_end(fit, {{"loss", 1}, {options.monitor, value}});
    ++fit.epoch;
  }
  return names_in(folder.path()).size();
}

TEST(ModelCheckpoint, KnowsWhichWayIsBetterFromTheMetric) {
  // By their names alone these two would be taken for something to be made small.
  EXPECT_EQ(saves({.monitor = "val_rec"}, {0.1, 0.3, 0.2, 0.4}), 3U);
  EXPECT_EQ(saves({.monitor = "wrong"}, {5, 7, 3, 4}), 2U);
  EXPECT_EQ(saves({.monitor = "val_accuracy"}, {0.1, 0.3, 0.2, 0.4}), 3U);
  EXPECT_EQ(saves({.monitor = "val_rec", .mode = MonitorMode::min}, {0.1, 0.3, 0.2, 0.05}), 2U);
  EXPECT_EQ(saves({.monitor = "loss2", .initial_value_threshold = 0.25}, {0.4, 0.3, 0.2, 0.4}), 1U);
}

TEST(CSVLogger, AppendsWithAnotherSeparator) {
  TemporaryFolder folder;
  InMemoryDataset train = corner_pictures(40, 1);
  std::string path = folder / "log.csv";
  for (int round = 0; round < 2; ++round) {
    Sequential model = small_classifier();
    model.compile(Adam{}, Loss::binary_crossentropy, {"accuracy"});
    CSVLogger log({.filename = path, .separator = ";", .append = true});
    model.fit(train, {.epochs = 2, .callbacks = {&log}});
  }
  std::istringstream text(std::string(read_file(path)));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line.substr(0, line.find(';')));
  EXPECT_THAT(lines, ElementsAre("epoch", "0", "1", "0", "1"));
  EXPECT_THAT(read_file(path), HasSubstr("epoch;loss;accuracy\n"));
}

TEST(TerminateOnNaN, RaisesAnErrorIfItIsToldTo) {
  InMemoryDataset train = corner_pictures(40, 1);
  Sequential model = small_classifier();
  model.compile(SGD{{.learning_rate = 1e30}}, Loss::binary_crossentropy);
  TerminateOnNaN terminate({.raise_error = true});
  EXPECT_THAT(sentence_of([&] { model.fit(train, {.epochs = 3, .callbacks = {&terminate}}); }),
              HasSubstr("fit: the loss is"));
}

/// Throws after some steps, as a crash.
class CrashAfter : public Callback {
 public:
  explicit CrashAfter(int steps) : steps_(steps) {}
  void on_step_end(FitProgress& /*fit*/) override {
    if (--steps_ == 0) fail(ErrorKind::failed, "crash");
  }

 private:
  int steps_;
};

TEST(BackupAndRestore, GoesOnAfterACrashBitForBit) {
  TemporaryFolder folder;
  InMemoryDataset train = corner_pictures(80, 1);  // 5 steps of 16
  Sequential whole = trained_model();
  History all = whole.fit(train, {.epochs = 4, .batch_size = 16});
  for (int64_t save_freq : {0, 3}) {
    std::string path = folder / fmt::format("backup-{}", save_freq);
    {
      Sequential first = trained_model();
      BackupAndRestore backup({.backup_dir = path, .save_freq = save_freq});
      CrashAfter crash(12);
      EXPECT_THROW(first.fit(train, {.epochs = 4, .batch_size = 16, .callbacks = {&backup, &crash}}), Error);
    }
    EXPECT_THAT(names_in(path), ElementsAre("latest.h5"));
    Sequential second = trained_model();
    int64_t begun_at = -1;
    LambdaCallback note({.on_epoch_begin = [&](FitProgress& fit) {
      if (begun_at < 0) begun_at = fit.epoch * 5 + fit.step;
    }});
    BackupAndRestore backup({.backup_dir = path, .save_freq = save_freq});
    History rest = second.fit(train, {.epochs = 4, .batch_size = 16, .callbacks = {&backup, &note}});
    EXPECT_EQ(begun_at, save_freq == 0 ? 10 : 9);
    EXPECT_EQ(rest.epochs(), all.epochs());
    EXPECT_TRUE(equal_bits(second.parameters().values(), whole.parameters().values()));
    EXPECT_FALSE(fs::exists(path)) << "the training is through";
  }
}

TEST(BackupAndRestore, RefusesTheBackupOfAnotherModel) {
  TemporaryFolder folder;
  InMemoryDataset train = corner_pictures(40, 1);
  Sequential model = trained_model();
  BackupAndRestore keep({.backup_dir = folder / "b", .delete_checkpoint = false});
  model.fit(train, {.callbacks = {&keep}});
  EXPECT_TRUE(fs::exists(keep.file()));
  Sequential other({9, 10, 2});
  other.add(Flatten{});
  other.add(Dense{.units = 1, .activation = Activation::sigmoid});
  other.compile(Adam{}, Loss::binary_crossentropy);
  EXPECT_THAT(sentence_of([&] { other.fit(train, {.callbacks = {&keep}}); }),
              HasSubstr("is of another model"));
}

TEST(CallbackTable, MakesThemByName) {
  std::unique_ptr<Callback> made =
      make_callback("EarlyStopping", {{"monitor", "loss"}, {"patience", int64_t{0}}, {"mode", "max"}});
  InMemoryDataset train = corner_pictures(40, 1);
  Sequential model = trained_model();
  History history = model.fit(train, {.epochs = 30, .callbacks = {made.get()}});
  EXPECT_EQ(history.stop_reason, StopReason::early_stopping);  // the loss falls, which is worse
  EXPECT_THAT(sentence_of([] { make_callback("NoSuchCallback"); }), HasSubstr("there is no callback NoSuch"));
  EXPECT_THAT(sentence_of([] {
                make_callback("EarlyStopping", {{"patients", 1.0}});
              }),
              HasSubstr("has no option patients"));
  EXPECT_THAT(sentence_of([] { make_callback("EarlyStopping", {{"mode", "up"}}); }), HasSubstr("not 'up'"));
  EXPECT_THAT(sentence_of([] { make_callback("LambdaCallback"); }), HasSubstr("takes functions"));
  EXPECT_THAT(sentence_of([] { make_callback("ModelCheckpoint"); }), HasSubstr("there is no file name"));
}

std::string page() {
  std::string text =
      "# Callbacks\n\n"
      "Made from the table of the library (`MANUL_UPDATE_DOCS=1 models_test`). Names and options are Keras', "
      "and so is what they\n"
      "do, but for what a line says. A value (`EarlyStopping early({.patience = 3})`, `#include "
      "\"manul/models/training/callbacks.h\"`)\nis what `fit` takes; `make_callback(\"EarlyStopping\", "
      "{{\"patience\", int64_t{3}}})` makes one by name. Your own derive from `Callback`.\n\n"
      "| name | options (what they are if they are not given) |\n|---|---|\n";
  for (const CallbackEntry& entry : registered_callbacks()) {
    std::string options;
    for (const auto& [key, value] : entry.options)
      options += (options.empty() ? "`" : ", `") + key + "` (" + text_of(value) + ")";
    text += "| " + entry.name + " | " + (entry.make ? options : "functions: made in code alone") + " |\n";
  }
  return text +
         "\n`mode` auto asks the model's metric of that name which way is better; a log that is not there is "
         "an error. "
         "`save_freq` 0 is\nKeras' \"epoch\". File names take Keras' fields: `{epoch:02d}`, `{batch}`, "
         "`{val_loss:.2f}`. A checkpoint holds all that resuming needs,\nto the bit; EarlyStopping brings "
         "the best "
         "weights back at the end of every fit, as Keras 3, but not after a stop that was asked\nfor. "
         "BackupAndRestore goes on in the middle of an epoch too.\n";
}

TEST(CallbackTable, OfTheDocumentationIsCurrent) {
  expect_documentation_page("callbacks.md", page());
}

}  // namespace
}  // namespace manul
