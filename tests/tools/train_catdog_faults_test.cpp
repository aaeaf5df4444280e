#include "manul/framework/file_system.h"
#include "manul/tests/tools/train_catdog.h"

// What a system refuses, names that are odd, and runs that are stopped early.
namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

TEST_F(TrainCatdog, OutputsThatCannotBeWrittenAreToldBeforePicturesAreRead) {
  fs::create_symlink("itself.h5", folder_ / "itself.h5");
  fs::create_symlink("missing/model.h5", folder_ / "away.h5");
  fs::create_symlink("history.csv", folder_ / "link.h5");
  fs::create_symlink(".", folder_ / "here");
  for (std::string name : {"itself.h5", "away.h5", "history.csv", "./history.csv", "link.h5", "here/link.h5",
                           "/proc/model.h5", "training_set/cats/cat.1.jpg/model.h5"}) {
    Outcome outcome = train("--epochs 1 --output " + name);
    EXPECT_EQ(outcome.code, 2) << name;
    EXPECT_THAT(outcome.errors, HasSubstr("train_catdog: output: ")) << name;
    EXPECT_THAT(outcome.errors, Not(HasSubstr("filesystem error"))) << name;
    EXPECT_THAT(outcome.output, Not(HasSubstr("Training: "))) << name;
  }
  Outcome longest = train("--epochs 1 --output " + std::string(252, 'n') + ".h5");
  EXPECT_EQ(longest.code, 0) << longest.errors;
  EXPECT_EQ(train("--epochs 1 --output " + std::string(253, 'n') + ".h5").code, 2);
}

TEST_F(TrainCatdog, NoRoomForTheModelIsToldBeforePicturesAreRead) {
  Outcome outcome = run(folder_.path(), "ulimit -f 100; " + program + "--epochs 1");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("trained_model.h5: there is no room for its "));
  EXPECT_THAT(outcome.output, Not(HasSubstr("Training: ")));
}

TEST_F(TrainCatdog, AHistoryThatCannotBeWrittenLosesNeitherItNorTheModel) {
  Outcome outcome =
      // An epoch may end between the two.
      train_until("Epoch 2/", "until rm -f history.csv && mkdir history.csv 2>/dev/null; do :; done",
                  "--threads 1 --batch 4 --epochs 30");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("history.csv: is a folder, not a file"));
  EXPECT_THAT(model("log"), HasSubstr("Saved trained_model.h5"));
  fs::remove(folder_ / "history.csv");
  EXPECT_EQ(train("--resume --epochs 31").code, 0) << "the model is whole";
  std::string history = model("history.csv");
  EXPECT_EQ(std::count(history.begin(), history.end(), '\n'), 32) << "all epochs are there again";
}

TEST_F(TrainCatdog, ResumeComparesValuesAndNeverShowsABlank) {
  EXPECT_EQ(train("--epochs 1 --lr 1e-3").code, 0);
  EXPECT_EQ(train("--epochs 2 --resume --lr 0.001 --zoom .2 --flip").code, 0);
  Outcome flip = train("--resume --no-flip");
  EXPECT_EQ(flip.code, 2);
  EXPECT_THAT(flip.errors, HasSubstr("--flip was true in the interrupted run and is now false"));
  Outcome rate = train("--resume --lr 2e-3");
  EXPECT_EQ(rate.code, 2);
  EXPECT_THAT(rate.errors, HasSubstr("--lr was 0.001 in the interrupted run and is now 0.002"));
}

TEST_F(TrainCatdog, ClassesWhoseNamesAreNotUtf8Resume) {
  fs::rename(folder_ / "training_set/cats", folder_ / "training_set/caf\xe9");
  fs::rename(folder_ / "training_set/dogs", folder_ / "training_set/caf\xe8");
  fs::rename(folder_ / "training_set", folder_ / "pictures\xff");
  fs::remove_all(folder_ / "test_set");
  EXPECT_EQ(run(folder_.path(), "train_catdog --device cpu --data pictures\xff --epochs 1").code, 0);
  Outcome resumed = run(folder_.path(), "train_catdog --device cpu --resume --epochs 2");
  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  Outcome predicted = run(folder_.path(), "predict trained_model.h5 pictures\xff/caf\xe9/cat.1.jpg --top 2");
  EXPECT_THAT(predicted.output, HasSubstr("caf\\xe9 "));
  EXPECT_THAT(predicted.output, HasSubstr("caf\\xe8 "));
  fs::rename(folder_ / "pictures\xff/caf\xe9", folder_ / "pictures\xff/caf\xea");
  EXPECT_EQ(run(folder_.path(), "train_catdog --device cpu --resume --epochs 3").code, 3);
}

TEST_F(TrainCatdog, ALoopBesideTheDataIsNoData) {
  fs::remove_all(folder_ / "test_set");
  fs::create_symlink("test_set", folder_ / "test_set");
  Outcome outcome = train("--epochs 1");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.errors, HasSubstr("test_set: Too many levels of symbolic links"));
  EXPECT_THAT(outcome.errors, Not(HasSubstr("filesystem error")));
}

TEST_F(TrainCatdog, TheReasonOfAClassWithoutPicturesIsOneOfItsOwn) {
  write_file(folder_ / "training_set/cats/bad.jpg", "this is no picture");
  for (const FolderEntry& entry : list_folder(folder_ / "training_set/dogs", ErrorKind::data))
    write_file(entry.path, "neither is this");
  Outcome outcome = train("--epochs 1");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.errors,
              HasSubstr("class 'dogs': none of its 50 pictures can be read, the first because: "
                        "training_set/dogs/dog.1.jpg"));
}

TEST_F(TrainCatdog, SeedsAreNotNegative) {
  for (const char* seed : {"-1", "1.5", "18446744073709551616", "x"}) {
    Outcome outcome = train(std::string("--seed ") + seed);
    EXPECT_EQ(outcome.code, 2) << seed;
    EXPECT_THAT(outcome.errors,
                HasSubstr(std::string("--seed: ") + seed + " is not a whole number from 0 to "));
  }
  EXPECT_EQ(train("--epochs 1 --seed 18446744073709551615").code, 0);
}

TEST_F(TrainCatdog, FewThreadsOrNoneGiveTheSameModel) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer must be loaded first";
#endif
  EXPECT_EQ(train("--epochs 2 --threads 4 --workers 4 --output usual.h5").code, 0);
  for (std::string threads : {"0", "1", "2", "4"}) {
    for (std::string cache : {"1024", "0"}) {
      Outcome outcome = run(
          folder_.path(), "FEW_THREADS=" + threads + " LD_PRELOAD=" FEW_THREADS " timeout 60 " + program +
                              "--epochs 2 --threads 4 --workers 4 --output few.h5 " + "--cache-mb " + cache);
      EXPECT_EQ(outcome.code, 0) << threads << outcome.errors;
      EXPECT_THAT(outcome.errors, HasSubstr("threads for "));
      EXPECT_THAT(outcome.errors, HasSubstr(" could be started (Resource temporarily unavailable)"));
      EXPECT_TRUE(model("few.h5") == model("usual.h5")) << threads;
    }
  }
}

TEST_F(TrainCatdog, ASmallStackSuffices) {
  EXPECT_EQ(train("--epochs 1 --output usual.h5").code, 0);
  Outcome outcome = run(folder_.path(), "ulimit -s 128; " + program + "--epochs 1 --output small.h5");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_TRUE(model("small.h5") == model("usual.h5"));
  EXPECT_EQ(run(folder_.path(), "ulimit -s 128; predict small.h5 training_set/cats").code, 0);
}

/// With all new memory filled with other values, and fenced, nothing changes.
TEST_F(TrainCatdog, NothingIsReadThatWasNotWritten) {
  std::string options =
      "--epochs 2 --patience 1 --rotation 10 --fill-mode reflect --interpolation bilinear --output ";
  EXPECT_EQ(train(options + "usual.h5").code, 0);
  Outcome guarded =
      run(folder_.path(), "MANUL_MEMORY_GUARD=1 MALLOC_PERTURB_=165 " + program + options + "guarded.h5");
  EXPECT_EQ(guarded.code, 0);
  EXPECT_EQ(guarded.errors, "");
  EXPECT_TRUE(model("guarded.h5") == model("usual.h5"));
}

/// A program that draws, interrupted by `signal` when it has begun.
Outcome interrupted_drawing(const TemporaryFolder& folder, const std::string& signal) {
  return run(folder.path(),
             "export XDG_CACHE_HOME=$PWD/cache; train_catdog --device cpu --epochs 1 & pid=$!; "
             "until [ -e cache/manul/cats_and_dogs.$pid/training_set/cats/cat.9.jpg ]; do sleep 0.01; done; "
             "begin=$(date +%s%N); kill -" +
                 signal +
                 " $pid; wait $pid; code=$?; echo $((($(date +%s%N) - begin) / 1000000)); exit $code");
}

TEST(TrainCatdogAlone, StoppedWhileItDrawsItLeavesNothing) {
  TemporaryFolder folder;
  Outcome outcome = interrupted_drawing(folder, "INT");
  EXPECT_EQ(outcome.code, 130) << outcome.errors;
  EXPECT_THAT(outcome.errors, HasSubstr("Stopping; once more to quit at once."));
  EXPECT_THAT(outcome.errors, Not(HasSubstr("saving")));
  EXPECT_LT(std::stoi(outcome.output.substr(outcome.output.find('\n') + 1)), 1000) << "milliseconds";
  EXPECT_TRUE(fs::is_empty(folder / "cache/manul"));
}

TEST(TrainCatdogAlone, WhatAKilledDrawingLeftIsRemovedByTheNext) {
  TemporaryFolder folder;
  EXPECT_EQ(interrupted_drawing(folder, "KILL").code, 137);
  EXPECT_FALSE(fs::is_empty(folder / "cache/manul"));
  EXPECT_EQ(interrupted_drawing(folder, "TERM").code, 143);
  EXPECT_TRUE(fs::is_empty(folder / "cache/manul"));
}

}  // namespace
}  // namespace manul
