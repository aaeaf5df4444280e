#include "manul/data/image/image_io.h"
#include "manul/framework/file_system.h"
#include "manul/tests/tools/train_catdog.h"

// What is noticed about the data before it is trained on, and about a run that ends badly.
namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class TrainCatdogData : public TrainCatdog {
 protected:
  /// Runs with one epoch, and gives what stood on stderr.
  std::string warnings(const std::string& arguments = "") {
    Outcome outcome = train("--epochs 1 " + arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    output_ = outcome.output;
    return outcome.errors;
  }
  /// A picture of noise in all files of a folder from `first` on, for as many as there are.
  void remove_all_but(const std::string& of, size_t kept) {
    for (const FolderEntry& entry : list_folder(folder_ / of, ErrorKind::data))
      if (kept == 0 || kept-- == 0) fs::remove(entry.path);
  }
  std::string output_;
};

TEST_F(TrainCatdogData, GoodDataNeedsNoRemark) {
  EXPECT_EQ(warnings(), "");
  EXPECT_THAT(output_, Not(HasSubstr("left out")));
}

TEST_F(TrainCatdogData, TheFolderAboveTheDataIsNotTrainedOn) {
  Outcome outcome = run(folder_.path(), "train_catdog --device cpu --data . --epochs 1");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.errors,
              HasSubstr("the classes would be test_set, training_set, the parts of a data set; is this "
                        "meant: --data ./training_set --validation ./test_set?"));
}

TEST_F(TrainCatdogData, ADotInsideTheDataFindsItsTestSet) {
  for (const char* name : {".", "./", "../training_set", "../training_set/"}) {
    Outcome outcome =
        run(folder_ / "training_set",
            std::string("train_catdog --device cpu --epochs 1 --output ../m.h5 --data ") + name);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("Validation: 20 images in 2 classes")) << name;
  }
}

TEST_F(TrainCatdogData, VeryUnequalClassesAreNamed) {
  remove_all_but("training_set/cats", 5);
  EXPECT_THAT(warnings(),
              HasSubstr("the classes are very unequal: dogs has 50 pictures, cats has 5, so that always "
                        "answering dogs would be right for 90.9 % of the training pictures"));
}

TEST_F(TrainCatdogData, AValidationWithoutAClassSaysSo) {
  fs::remove_all(folder_ / "test_set/cats");
  EXPECT_THAT(warnings(),
              HasSubstr("the validation has no pictures of cats, so that it says nothing about that class"));
}

TEST_F(TrainCatdogData, AValidationThatIsNoneOffersToDoWithoutIt) {
  fs::rename(folder_ / "test_set/cats", folder_ / "test_set/lions");
  Outcome foreign = train("--epochs 1");
  EXPECT_EQ(foreign.code, 3);
  EXPECT_THAT(foreign.errors,
              HasSubstr("'lions' is none of the classes that are trained (cats, dogs); --validation "
                        "names another folder, --no-validation does without one"));
  fs::remove_all(folder_ / "test_set");
  fs::copy(folder_ / "training_set/cats", folder_ / "test_set");
  Outcome flat = train("--epochs 1");
  EXPECT_EQ(flat.code, 3);
  EXPECT_THAT(flat.errors,
              HasSubstr("test_set: its 50 pictures lie in no sub-folders, so that their classes are not "
                        "known"));
  Outcome without = train("--epochs 1 --no-validation");
  EXPECT_EQ(without.code, 0) << without.errors;
  EXPECT_THAT(without.output, Not(HasSubstr("Validation: ")));
  EXPECT_EQ(train("--no-validation --split 0.2").code, 2);
}

TEST_F(TrainCatdogData, TheSamePictureTwiceIsNamed) {
  fs::copy(folder_ / "training_set/cats/cat.1.jpg", folder_ / "training_set/dogs/no_dog.jpg");
  fs::copy(folder_ / "training_set/dogs/dog.1.jpg", folder_ / "test_set/dogs/known.jpg");
  std::string text = warnings();
  EXPECT_THAT(text, HasSubstr("1 picture is in two classes: training_set/cats/cat.1.jpg is "
                              "training_set/dogs/no_dog.jpg"));
  EXPECT_THAT(text, HasSubstr("1 of the 21 validation pictures is in the training data as well, so that the "
                              "validation looks better than it is: "));
  EXPECT_THAT(text, HasSubstr("test_set/dogs/known.jpg is training_set/dogs/dog.1.jpg"));
}

TEST_F(TrainCatdogData, PicturesOfOneColourAreCounted) {
  Image white(8, 8, 3);
  std::fill(white.pixels.begin(), white.pixels.end(), uint8_t{255});
  for (int i = 0; i < 3; ++i) save_png(folder_ / fmt::format("training_set/cats/white{}.png", i), white);
  EXPECT_THAT(warnings(), HasSubstr("3 of the 103 training pictures are of one colour\n"));
}

TEST_F(TrainCatdogData, SixteenBitPicturesThatComeOutWhiteAreExplained) {
  fs::path shared = fs::path(MANUL_SOURCE_DIR) / "../shared/faults/gray16";
  if (!is_folder(shared / "training_set")) GTEST_SKIP() << "the folder with 16-bit pictures is not there";
  Outcome outcome = run(folder_.path(),
                        "train_catdog --device cpu --epochs 4 --data " + (shared / "training_set").string());
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.errors,
              HasSubstr("16-bit gray, whose values above 255 become white, as in Keras; save them "
                        "with 8 bits"));
  EXPECT_THAT(outcome.errors, HasSubstr("more such warnings, "));
}

TEST_F(TrainCatdogData, WhatIsLeftOutIsCountedByReason) {
  write_file(folder_ / "training_set/cats/.hidden.jpg", "x");
  fs::create_directories(folder_ / "training_set/cats/.ipynb_checkpoints");
  write_file(folder_ / "training_set/dogs/notes.txt", "x");
  write_file(folder_ / "training_set/dogs/a.gif", "GIF89a");
  write_file(folder_ / "training_set/dogs/b.gif", "GIF89a");
  write_file(folder_ / "training_set/dogs/bad.jpg", "x");
  fs::copy(folder_ / "training_set/dogs/dog.1.jpg", folder_ / "training_set/loose.jpg");
  fs::copy(folder_ / "training_set/dogs/dog.1.jpg", folder_ / "training_set/dogs/more.jfif");
  std::string text = warnings();
  EXPECT_THAT(text, HasSubstr("Training: left out 2 GIF pictures, which are not read (the first is "
                              "training_set/dogs/a.gif)\n"));
  EXPECT_THAT(
      output_,
      HasSubstr("\nTraining: 101 images in 2 classes: cats 50, dogs 51\n"
                "Training: left out 1 picture in no class's folder, 2 hidden files or folders, 1 file "
                "that is no picture, 1 damaged picture\n"));
}

TEST_F(TrainCatdogData, ALossThatGrowsOrAnswersThatAreAllTheSameAreToldAtTheEnd) {
  std::string text = warnings("--lr 1000");
  EXPECT_THAT(text,
              testing::ContainsRegex("the loss ends at .*, and guessing would give 0.6931: the learning rate "
                                     "1000 is probably too high, try a smaller --lr\n"));
  Outcome outcome = train("--epochs 3 --lr 1");
  EXPECT_THAT(outcome.errors,
              testing::ContainsRegex("the network answers (cats|dogs) for every picture: it has not "
                                     "learned to tell the classes apart\n"));
}

TEST_F(TrainCatdogData, AValidationThatGetsWorseIsTold) {
  remove_all_but("training_set/cats", 6);
  remove_all_but("training_set/dogs", 6);
  Outcome outcome = train("--epochs 150 --shear 0 --zoom 0 --no-flip");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  if (outcome.errors.find("val_loss has got worse") == std::string::npos)
    GTEST_SKIP() << "twelve drawn pictures suffice: "
                 << outcome.output.substr(outcome.output.find("Best epoch"));
  EXPECT_THAT(outcome.errors, HasSubstr("the network learns the training pictures by heart; --keep best"));
}

TEST_F(TrainCatdogData, GrayTurnedAndCutPicturesTrainAndPredictAlike) {
  EXPECT_EQ(warnings("--gray --keep-aspect --exif-orientation --tolerant --interpolation bilinear"), "");
  Outcome outcome = run(folder_.path(), "predict trained_model.h5 test_set/cats/cat.60.jpg");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(run(folder_.path(),
                "predict trained_model.h5 --keep-aspect --exif-orientation test_set/cats/cat.60.jpg")
                .output,
            outcome.output)
      << "the file says so";
}

TEST_F(TrainCatdogData, ASplitIsShuffledAndResumed) {
  EXPECT_EQ(train("--epochs 1 --split 0.2 --seed 3").code, 0);
  Outcome resumed = train("--resume --epochs 2");
  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_THAT(resumed.output, HasSubstr("Validation: 20 images"));
  EXPECT_EQ(train("--resume --epochs 2 --split-order first").code, 2);
}

}  // namespace
}  // namespace manul
