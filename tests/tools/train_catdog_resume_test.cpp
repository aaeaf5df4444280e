#include <algorithm>

#include "manul/tests/tools/train_catdog.h"

// Runs that are stopped, or fail: what they leave, and that --resume continues it.
namespace manul {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Shell in which a file can grow to 64 KiB only.
constexpr const char* small_disk = "trap '' XFSZ; ulimit -f 64; ";

TEST_F(TrainCatdog, TwoAndThreeEpochsAreFive) {
  EXPECT_EQ(train("--epochs 5 --output five.h5").code, 0);
  EXPECT_EQ(train("--epochs 2 --output parts.h5").code, 0);
  Outcome resumed = train("--epochs 5 --output parts.h5 --resume");
  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_THAT(resumed.output, Not(HasSubstr("Epoch 2/5 ")));
  EXPECT_THAT(resumed.output, HasSubstr("Epoch 3/5 "));
  EXPECT_TRUE(model("five.h5") == model("parts.h5"));
  std::string history = model("history.csv");
  EXPECT_EQ(std::count(history.begin(), history.end(), '\n'), 6);
}

TEST_F(TrainCatdog, StoppedAndResumedIsAsIfNothingHadHappened) {
  for (auto [signal, code] : {std::pair{"INT", 130}, std::pair{"TERM", 143}}) {
    std::string name = std::string(signal) + ".h5";
    Outcome stopped = train_until("Epoch 2/", std::string("kill -") + signal + " $pid",
                                  "--threads 1 --batch 4 --epochs 30 --output " + name);
    EXPECT_EQ(stopped.code, code) << stopped.errors;
    EXPECT_THAT(stopped.errors, HasSubstr("Go on with --resume"));
    Outcome resumed = train("--output " + name + " --resume --threads 1");  // batch and epochs are remembered
    EXPECT_EQ(resumed.code, 0) << resumed.errors;
    EXPECT_THAT(resumed.output, HasSubstr("Epoch 30/30 "));
  }
  EXPECT_EQ(train("--threads 1 --batch 4 --epochs 30 --output whole.h5").code, 0);
  EXPECT_TRUE(model("INT.h5") == model("whole.h5"));
  EXPECT_TRUE(model("TERM.h5") == model("whole.h5"));
}

TEST_F(TrainCatdog, AFileThatVanishesEndsInASentenceAndLeavesTheCheckpoint) {
  EXPECT_EQ(train("--epochs 1").code, 0);
  Outcome outcome =
      train_until("Epoch 2/", "mv training_set/dogs/dog.7.jpg .", "--cache-mb 0 --resume --epochs 100000");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.errors, HasSubstr("training_set/dogs/dog.7.jpg: cannot be read"));
  std::filesystem::rename(folder_ / "dog.7.jpg", folder_ / "training_set/dogs/dog.7.jpg");
  EXPECT_EQ(train("--epochs 2 --resume").code, 0) << "the file there is whole";
}

TEST_F(TrainCatdog, ClosedOutputDoesNotEndInTheModel) {
  EXPECT_EQ(train("--epochs 1 --output usual.h5").code, 0);
  Outcome outcome = train("--epochs 1 --output closed.h5 >&-");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("the output could not be written"));
  EXPECT_TRUE(model("closed.h5") == model("usual.h5"));
}

TEST_F(TrainCatdog, ALaterSignalQuitsAtOnceWithoutSaving) {
  // The program is held after the first one, in a long step or while it saves 87 MB.
  Outcome outcome = train_until(
      "Epoch 1/", "kill -INT $pid; sleep 0.1; kill -STOP $pid; sleep 0.6; kill -TERM $pid; kill -CONT $pid",
      "--threads 1 --size 256 --epochs 100000");
  EXPECT_EQ(outcome.code, 143);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "trained_model.h5"));
}

/// As `timeout` does it: the program, and then its group.
TEST_F(TrainCatdog, TwoSignalsAtOnceAreOne) {
  Outcome outcome =
      train_until("Epoch 1/", "kill -STOP $pid; kill -INT $pid; kill -TERM $pid; kill -CONT $pid",
                  "--threads 1 --batch 1 --epochs 100000");
  EXPECT_THAT(outcome.code, testing::AnyOf(130, 143));
  EXPECT_EQ(train("--resume --epochs 1").code, 0) << "the file there is whole";
}

TEST_F(TrainCatdog, AReaderThatLeavesStopsItAndKeepsTheWork) {
  Outcome outcome =
      run(folder_.path(),
          "{ " + program + "--epochs 100000 --output read.h5; echo $? > code; } | sed '/^Epoch 1/q'");
  EXPECT_EQ(model("code"), "141\n") << outcome.errors;
  EXPECT_THAT(outcome.errors, HasSubstr("Go on with --resume"));
  EXPECT_EQ(train("--output read.h5 --resume --epochs 1").code, 0) << "the file there is whole";
  outcome = run(folder_.path(),
                "{ " + program + "--epochs 1 --output end.h5; echo $? > code; } | sed '/^Epoch 1/q'");
  EXPECT_THAT(model("code"), testing::AnyOf("141\n", "0\n")) << "as it comes at the end";
  EXPECT_THAT(outcome.errors, testing::Not(HasSubstr("could not be written")));
}

TEST_F(TrainCatdog, AClosedTerminalStopsItUnlessNohup) {
  std::string arguments = "--threads 1 --batch 4 --output hup.h5 --epochs ";
  Outcome outcome = train_until("Epoch 2/", "kill -HUP $pid", arguments + "100000");
  EXPECT_EQ(outcome.code, 129) << outcome.errors;
  EXPECT_THAT(outcome.errors, HasSubstr("Go on with --resume"));
  outcome = train_until("Epoch 2/", "kill -HUP $pid", arguments + "30", "trap '' HUP; ");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(model("log"), HasSubstr("Last epoch 30"));
}

TEST_F(TrainCatdog, ResumeRefusesAnotherRun) {
  EXPECT_EQ(train("--epochs 1").code, 0);
  Outcome other = train("--epochs 2 --resume --batch 16");
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.errors, HasSubstr("--batch was 32 in the interrupted run and is now 16"));
  std::filesystem::path picture = folder_ / "training_set/cats/cat.1.jpg";
  std::filesystem::rename(picture, folder_ / "training_set/cats/kitten.jpg");
  Outcome renamed = train("--epochs 2 --resume");
  EXPECT_EQ(renamed.code, 3);
  EXPECT_THAT(renamed.errors, HasSubstr("other pictures"));
  std::filesystem::remove(folder_ / "training_set/cats/kitten.jpg");
  Outcome fewer = train("--epochs 2 --resume");
  EXPECT_EQ(fewer.code, 3);
  EXPECT_THAT(fewer.errors, HasSubstr("100 pictures"));
  EXPECT_EQ(train("--resume --output missing.h5").code, 4);
}

TEST_F(TrainCatdog, FullDiskLeavesTheOldFileAndSaysSo) {
  EXPECT_EQ(train("--epochs 1").code, 0);
  std::string before = model("trained_model.h5");
  Outcome outcome = run(folder_.path(), small_disk + program + "--epochs 1");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("trained_model.h5"));
  EXPECT_TRUE(model("trained_model.h5") == before);
}

TEST_F(TrainCatdog, FullDiskWhenItIsStoppedIsTold) {
  // The disk is full only after the training has begun: before, it would have been refused.
  if (run(folder_.path(), "command -v prlimit").code != 0) GTEST_SKIP() << "there is no prlimit(1)";
  Outcome outcome = train_until("Epoch 2/", "prlimit --pid $pid --fsize=65536:65536; kill -INT $pid",
                                "--threads 1 --batch 4 --epochs 100000");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("trained_model.h5: cannot be written"));
}

TEST_F(TrainCatdog, ResumingAFinishedRunSaysSo) {
  EXPECT_EQ(train("--epochs 1").code, 0);
  Outcome outcome = train("--resume");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.errors, HasSubstr("all epochs were done already"));
}

}  // namespace
}  // namespace manul
