#include <algorithm>

#include "manul/tests/tools/train_catdog.h"

namespace manul {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(TrainCatdog, TellsWhatItDoesAndWritesModelAndHistory) {
  Outcome outcome = train("--epochs 2");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.errors, "");
  for (const char* text :
       {"Training: 100 images in 2 classes: cats 50, dogs 50\n",
        "Validation: 20 images in 2 classes: cats 10, dogs 10\n",
        "conv2d (Conv2D)               (None, 21, 21, 32)      896", "Total params: 410753",
        "  loss  accuracy  val_loss  val_accuracy\nEpoch 1/2  ", "\nEpoch 2/2  ", "\nBest epoch ",
        "\nLast epoch 2: loss ", " val_accuracy ", "\nSaved trained_model.h5: epoch 2, the last one",
        "Try: predict trained_model.h5 "})
    EXPECT_THAT(outcome.output, HasSubstr(text));
  EXPECT_THAT(outcome.output, Not(HasSubstr("\033")));
  EXPECT_THAT(outcome.output, Not(HasSubstr("\r")));
  std::string history = model("history.csv");
  EXPECT_EQ(std::count(history.begin(), history.end(), '\n'), 3);
  EXPECT_THAT(history, testing::StartsWith("epoch,"));

  size_t command = outcome.output.find("predict trained_model.h5");
  Outcome tried = run(folder_.path(), outcome.output.substr(command));
  EXPECT_EQ(tried.code, 0) << tried.errors;
  EXPECT_THAT(tried.output, HasSubstr("Prediction = "));
}

TEST_F(TrainCatdog, QuietPrintsNothing) {
  Outcome outcome = train("--epochs 1 --quiet");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output + outcome.errors, "");
}

TEST_F(TrainCatdog, BarOnATerminal) {
  if (run(folder_.path(), "command -v script").code != 0) GTEST_SKIP() << "there is no script(1)";
  std::string command =  // long enough for a bar to be due on a fast machine
      "TERM=xterm LANG=C.UTF-8 script -qec 'train_catdog --device cpu --data training_set --epochs 200' "
      "/dev/null";
  Outcome colored = run(folder_.path(), command);
  EXPECT_THAT(colored.output, HasSubstr("\r\033[K"));
  EXPECT_THAT(colored.output, HasSubstr("\033[32m"));
  EXPECT_THAT(colored.output, HasSubstr(" left"));
  Outcome plain = run(folder_.path(), "NO_COLOR=1 " + command);
  EXPECT_THAT(plain.output, Not(HasSubstr("\033[32m")));
}

TEST_F(TrainCatdog, NumberOfThreadsDoesNotMatter) {
  EXPECT_EQ(train("--epochs 2 --threads 1 --workers 1 --output one.h5").code, 0);
  EXPECT_EQ(train("--epochs 2 --threads 3 --workers 2 --output three.h5").code, 0);
  EXPECT_TRUE(model("one.h5") == model("three.h5"));
}

TEST_F(TrainCatdog, TheCacheDoesNotMatter) {
  EXPECT_EQ(train("--epochs 3 --output whole.h5").code, 0);
  for (const char* options : {"--cache-mb 0 --workers 1", "--cache-mb 0 --workers 3", "--cache-mb 1"}) {
    Outcome outcome = train(std::string("--epochs 3 --output streamed.h5 ") + options);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_TRUE(model("streamed.h5") == model("whole.h5")) << options;
  }
  EXPECT_EQ(train("--epochs 2 --cache-mb 0 --output parts.h5").code, 0);
  EXPECT_EQ(train("--epochs 3 --cache-mb 1 --output parts.h5 --resume").code, 0);
  EXPECT_TRUE(model("parts.h5") == model("whole.h5"));
}

TEST_F(TrainCatdog, DamagedPicturesAreSkippedAndNamedOrFatal) {
  write_file(folder_ / "training_set/cats/note.jpg", "this is no picture");
  Outcome skipped = train("--epochs 1");
  EXPECT_EQ(skipped.code, 0);
  EXPECT_THAT(skipped.errors, HasSubstr("note.jpg"));
  EXPECT_THAT(skipped.output, HasSubstr("Training: 100 images in 2 classes"));
  Outcome fatal = train("--epochs 1 --on-bad-image fail");
  EXPECT_EQ(fatal.code, 3);
  EXPECT_THAT(fatal.errors, HasSubstr("note.jpg"));
}

TEST_F(TrainCatdog, FoldersThatAreNoDataAreThree) {
  std::filesystem::create_directories(folder_ / "empty");
  std::filesystem::create_directories(folder_ / "one_class/cats");
  std::filesystem::copy(folder_ / "training_set/cats", folder_ / "one_class/cats");
  std::filesystem::create_directories(folder_ / "empty_class/cats");
  std::filesystem::create_directories(folder_ / "empty_class/dogs");
  for (const char* name : {"missing", "empty", "one_class", "empty_class"}) {
    Outcome outcome = run(folder_.path(), std::string("train_catdog --device cpu --data ") + name);
    EXPECT_EQ(outcome.code, 3) << name << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr(name));
  }
}

TEST_F(TrainCatdog, WhatCannotWorkIsToldBeforePicturesAreRead) {
  std::filesystem::create_directories(folder_ / "there/history.csv");
  for (const char* arguments : {"--validation missing", "--size 8 --stride 8", "--output there/model.h5"}) {
    Outcome outcome = train(arguments);
    EXPECT_NE(outcome.code, 0) << arguments;
    EXPECT_THAT(outcome.output, Not(HasSubstr("Training: "))) << arguments;
  }
}

TEST_F(TrainCatdog, TheCommandToTryWorksWhateverTheNamesAre) {
  std::filesystem::rename(folder_ / "test_set/dogs/dog.60.jpg", folder_ / "test_set/dogs/dog.9 it's.jpg");
  Outcome outcome = train("--epochs 1 --output 'my model.h5'");
  size_t command = outcome.output.find("predict '");
  ASSERT_NE(command, std::string::npos) << outcome.output << outcome.errors;
  Outcome tried = run(folder_.path(), outcome.output.substr(command));
  EXPECT_EQ(tried.code, 0) << tried.errors;
}

TEST_F(TrainCatdog, WrongUsageIsTwo) {
  for (const char* arguments :
       {"--epochs 0", "--epochs many", "--lr nan", "--lr -1", "--split 1.5",
        "--split 0.2 --validation test_set", "--fill-mode upwards", "--interpolation magic", "--batch 0",
        "--size 1", "--on-bad-image shrug", "--output .", "--output /dev/null", "--output ''",
        "--device toaster", "surplus"})
    EXPECT_EQ(train(arguments).code, 2) << arguments;
}

TEST_F(TrainCatdog, ThreeClassesAndASplit) {
  std::filesystem::copy(folder_ / "test_set/cats", folder_ / "training_set/lions");
  Outcome outcome = train("--epochs 1 --split 0.2 --no-flip --rotation 10 --shift 0.1 --fill-mode reflect");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("Training: 88 images in 3 classes: cats 40, dogs 40, lions 8\n"));
  EXPECT_THAT(outcome.output, HasSubstr("Validation: 22 images in 3 classes: cats 10, dogs 10, lions 2\n"));
  EXPECT_THAT(outcome.output, HasSubstr("(None, 3)"));
}

TEST_F(TrainCatdog, PatienceStopsEarly) {
  Outcome outcome = train("--epochs 50 --patience 1 --lr 10");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, Not(HasSubstr("Epoch 50/50 ")));
}

TEST(TrainCatdogAlone, DrawsItsOwnPicturesOnce) {
  TemporaryFolder folder;
  Outcome first = run(folder.path(), "XDG_CACHE_HOME=$PWD/cache train_catdog --device cpu --epochs 1");
  EXPECT_EQ(first.code, 0) << first.errors;
  EXPECT_THAT(first.output,
              HasSubstr("Drawn cats and dogs are kept in " + (folder / "cache/manul").string()));
  EXPECT_THAT(first.output, HasSubstr("Training: 8000 images in 2 classes: cats 4000, dogs 4000\n"));
  auto drawn = std::filesystem::last_write_time(folder / "cache/manul/cats_and_dogs");
  EXPECT_EQ(run(folder.path(), "XDG_CACHE_HOME=$PWD/cache train_catdog --device cpu --epochs 1").code, 0);
  EXPECT_EQ(std::filesystem::last_write_time(folder / "cache/manul/cats_and_dogs"), drawn);
}

TEST(TrainCatdogAlone, WhereNothingCanBeDrawnItSaysSoAndLeavesNothing) {
  TemporaryFolder folder;
  Outcome outcome =
      run(folder.path(),
          "mkdir cache; (trap '' XFSZ; ulimit -f 0; XDG_CACHE_HOME=$PWD/cache train_catdog --device cpu) "
          "2>&1 | cat");
  EXPECT_THAT(outcome.output, HasSubstr("train_catdog: drawn pictures: "));
  EXPECT_THAT(outcome.output, HasSubstr("XDG_CACHE_HOME"));
  EXPECT_TRUE(std::filesystem::is_empty(folder / "cache/manul"));
}

}  // namespace
}  // namespace manul
