#include <algorithm>
#include <sstream>

#include "manul/tests/tools/train_catdog.h"

// What a run says about its end, and that it is true of the file.
namespace manul {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string line_with(const std::string& text, const std::string& begin) {
  for (const std::string& line : lines_of(text))
    if (line.starts_with(begin)) return line;
  return "";
}

double number_after(const std::string& line, const std::string& name) {
  size_t at = line.find(" " + name + " ");
  return at == std::string::npos ? -1 : std::stod(line.substr(at + name.size() + 2));
}

/// Classes that are hard to tell apart, so that epochs differ.
class TrainCatdogEnds : public TrainCatdog {
 protected:
  /// The share of the validation pictures that `model` gets right.
  double accuracy_of(const std::string& model) {
    Outcome answers = run(folder_.path(), "predict " + model + " test_set");
    EXPECT_EQ(answers.code, 0) << answers.errors;
    int right = 0, all = 0;
    for (const std::string& line : lines_of(answers.output)) {
      bool cat = line.find("/cats/") != std::string::npos;
      right += (line.find(": cats") != std::string::npos) == cat;
      ++all;
    }
    return static_cast<double>(right) / all;
  }
};

TEST_F(TrainCatdogEnds, TheLastLinesAreTrueOfTheFile) {
  for (const char* keep : {"last", "best"}) {
    Outcome outcome = train(std::string("--epochs 12 --lr 0.01 --monitor val_accuracy --keep ") + keep);
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    std::string best = line_with(outcome.output, "Best epoch "),
                last = line_with(outcome.output, "Last epoch 12: "),
                saved = line_with(outcome.output, "Saved trained_model.h5: epoch ");
    ASSERT_NE(last, "") << outcome.output;
    ASSERT_NE(saved, "") << outcome.output;
    EXPECT_GE(number_after(best, "val_accuracy"), number_after(last, "val_accuracy"));
    std::string best_epoch = std::to_string(std::stoi(best.substr(11)));
    bool holds_last = keep == std::string("last");
    EXPECT_THAT(saved, HasSubstr("epoch " + (holds_last ? "12" : best_epoch) + ", "));
    EXPECT_NEAR(accuracy_of("trained_model.h5"), number_after(holds_last ? last : best, "val_accuracy"),
                1e-4);
    // The row of that epoch in history.csv, which counts from 1 as well.
    std::string history = "\n" + model("history.csv");
    EXPECT_THAT(history, HasSubstr("\n" + best_epoch + ","));
    EXPECT_THAT(history, HasSubstr("\n12,"));
    EXPECT_THAT(history, Not(HasSubstr("\n0,")));
  }
}

TEST_F(TrainCatdogEnds, KeepingTheBestLaterGivesTheSameWeights) {
  EXPECT_EQ(train("--epochs 6 --lr 0.01 --keep best --output best.h5").code, 0);
  EXPECT_EQ(train("--epochs 6 --lr 0.01 --output last.h5").code, 0);
  Outcome again = train("--resume --keep best --output last.h5");
  EXPECT_EQ(again.code, 0) << again.errors;
  EXPECT_TRUE(model("best.h5") == model("last.h5"));
}

TEST_F(TrainCatdogEnds, AnEarlyStopIsAnnouncedAndCanGoOn) {
  std::string run = "--epochs 300 --lr 0.01 --threads 1 ";
  Outcome whole = train(run + "--patience 6 --output whole.h5");
  Outcome stopped = train(run + "--patience 2 --output parts.h5");
  ASSERT_EQ(stopped.code, 0) << stopped.errors;
  EXPECT_THAT(stopped.output,
              testing::ContainsRegex("\nStopped early after epoch [0-9]+: no better val_loss since "
                                     "epoch [0-9]+, for 2 epochs \\(--patience 2\\)\\.\n"));
  EXPECT_THAT(stopped.output, HasSubstr(", the best by val_loss.\n"));
  std::string before = model("parts.h5");
  for (const char* more : {"--resume", "--resume --epochs 300 --patience 2"}) {
    Outcome nothing = train(std::string(more) + " --output parts.h5");
    EXPECT_EQ(nothing.code, 0) << nothing.errors;
    EXPECT_THAT(nothing.errors, HasSubstr("nothing was trained: the run had stopped early after epoch "));
    EXPECT_THAT(nothing.errors, HasSubstr("a larger --patience than 2, or --patience 0, goes on\n"));
    EXPECT_TRUE(model("parts.h5") == before);
  }
  Outcome resumed = train("--resume --patience 6 --output parts.h5");
  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_THAT(resumed.output, HasSubstr("(--patience 6).\n"));
  EXPECT_TRUE(model("parts.h5") == model("whole.h5")) << "as if it had never stopped";
}

TEST_F(TrainCatdogEnds, EpochsFitEightyColumnsInOrderWithWarnings) {
  write_file(folder_ / "training_set/cats/note.jpg", "this is no picture");
  EXPECT_EQ(train("--epochs 100 > log 2>&1").code, 0);
  std::string log = model("log");
  std::vector<std::string> lines = lines_of(log);
  int rows = 0;
  for (const std::string& line : lines) {
    rows += line.starts_with("Epoch ");
    if (line.starts_with("Epoch ") || line.find("pictures/s") != std::string::npos) {
      EXPECT_LE(line.size(), 80) << line;
    }
  }
  EXPECT_EQ(rows, 100);
  EXPECT_THAT(log, HasSubstr(" seconds  pictures/s    loss  accuracy  val_loss  val_accuracy\n"));
  size_t device = log.find("Device: "), skipped = log.find("skipped"), counts = log.find("Training: ");
  EXPECT_LT(device, skipped);
  EXPECT_LT(skipped, counts) << "as they were printed";
}

TEST_F(TrainCatdogEnds, AutoSaysWhyNoGpuIsUsed) {
  if (run(folder_.path(), "gpu_info").code == 0) GTEST_SKIP() << "a GPU can be used here";
  Outcome outcome = run(folder_.path(), "train_catdog --data training_set --epochs 1");
  EXPECT_THAT(outcome.output, testing::ContainsRegex("\nNo GPU is used: .+\n"));
  EXPECT_THAT(run(folder_.path(), "vector_add").errors, testing::StartsWith("vector_add: no GPU is used: "));
  EXPECT_EQ(run(folder_.path(), "vector_add --device cpu").errors, "");
}

TEST_F(TrainCatdogEnds, MonitorsThatAreNotThereAreRefused) {
  std::filesystem::remove_all(folder_ / "test_set");
  Outcome outcome = train("--epochs 1 --monitor val_accuracy");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("monitor: there is no val_accuracy without validation pictures"));
  EXPECT_EQ(train("--epochs 1 --monitor f1").code, 2);
}

}  // namespace
}  // namespace manul
