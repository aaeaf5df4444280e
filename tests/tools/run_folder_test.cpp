#include "manul/tools/support/run_folder.h"

#include "manul/data/image/image_io.h"
#include "manul/framework/file_system.h"
#include "manul/tests/tools/train_catdog.h"

// What a run leaves in its folder.
namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class RunFolderTest : public TrainCatdog {
 protected:
  std::string in(const std::string& name) { return read_file(folder_ / ("runs/train/" + name)); }
  std::string evaluated(const std::string& file) {
    Outcome outcome = run(folder_.path(), "evaluate --device cpu " + file + " test_set");
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return outcome.output.substr(outcome.output.find("accuracy ") + 9, 6);
  }
  static std::string val_accuracy(const std::string& output, const std::string& line) {
    return output.substr(output.find("val_accuracy ", output.find(line)) + 13, 6);
  }
};

TEST_F(RunFolderTest, HoldsAllThatARunMade) {
  Outcome outcome = train("--epochs 8 --lr 0.01 --seed 2");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("Report, curves and the weights of both: runs/train\n"));
  EXPECT_EQ(in("history.csv"), model("history.csv"));
  if (outcome.errors.empty()) {
    EXPECT_EQ(in("log.txt"), outcome.output);
  }
  EXPECT_EQ(in("last.h5"), model("trained_model.h5"));
  EXPECT_EQ(evaluated("runs/train/best.h5"), val_accuracy(outcome.output, "\nBest epoch "));
  EXPECT_EQ(evaluated("runs/train/last.h5"), val_accuracy(outcome.output, "\nLast epoch "));
  EXPECT_THAT(in("args.json"),
              HasSubstr("\"command\": \"train_catdog --device cpu --data training_set --epochs 8"));
  EXPECT_THAT(in("args.json"), HasSubstr("\"--seed\":\"2\""));
  if (run(folder_.path(), "ls runs/train/curves.png").code != 0)
    GTEST_SKIP() << "there is no OpenCV to draw with";
  Image curves = load_image(folder_ / "runs/train/curves.png");
  EXPECT_EQ(curves.width, 1000);
  EXPECT_GT(load_image(folder_ / "runs/train/confusion_matrix.png").height, 100);
  for (const char* name : {"train_batch.jpg", "val_predictions.jpg"})
    EXPECT_GE(load_image(folder_ / (std::string("runs/train/") + name)).width, 8 * 128) << name;
}

TEST_F(RunFolderTest, TheReportNeedsNothingElse) {
  write_file(folder_ / "training_set/cats/notes.txt", "x");
  fs::copy(folder_ / "training_set/dogs/dog.1.jpg", folder_ / "training_set/dogs/again.jpg");
  ASSERT_EQ(train("--epochs 3").code, 0);
  std::string page = in("report.html");
  EXPECT_THAT(page, testing::StartsWith("<!DOCTYPE html>"));
  for (const char* text :
       {"<polyline", "Confusion matrix", "precision", "prefers-color-scheme:dark", "@media print",
        "train_catdog --device cpu --data training_set --epochs 3", "conv2d (Conv2D)", "Calibration",
        "cats 50, dogs 51", "<p>accuracy ", "balanced accuracy",
        "<th>Training, left out</th><td>1 file that is no picture</td>",
        "<td>1 of 101 training pictures equal an earlier one; 0 of 20 validation pictures do, "
        "and 0 equal a training picture</td>"})
    EXPECT_THAT(page, HasSubstr(text));
  std::string words;  // without the pictures' bytes, which may spell anything
  for (size_t from = 0, to; from < page.size(); from = page.find('"', to)) {
    to = page.find("base64,", from);
    words += page.substr(from, to - from);
    if (to == std::string::npos) break;
  }
  for (const char* text : {"http:", "https:", "<script", "<link", "nan"})
    EXPECT_THAT(words, Not(HasSubstr(text)));
}

TEST_F(RunFolderTest, NothingOfAnEarlierRunIsReplaced) {
  ASSERT_EQ(train("--epochs 1").code, 0);
  std::string before = in("report.html"), last = in("last.h5"), history = in("history.csv"),
              log = in("log.txt");
  Outcome again = train("--epochs 2 --seed 1");
  ASSERT_EQ(again.code, 0) << again.errors;
  EXPECT_THAT(again.output, HasSubstr("trained_model.h5 is there already and will be replaced at the end\n"));
  EXPECT_THAT(again.output, HasSubstr("runs/train2\n"));
  EXPECT_EQ(in("report.html"), before);
  EXPECT_EQ(in("history.csv"), history);
  EXPECT_EQ(in("log.txt"), log);
  EXPECT_TRUE(in("last.h5") == last);
  ASSERT_EQ(train("--epochs 1 --project other --name cats").code, 0);
  EXPECT_TRUE(is_folder(folder_ / "other/cats"));
  fs::remove_all(folder_ / "runs");
  ASSERT_EQ(train("--epochs 1 --no-run-folder").code, 0);
  EXPECT_FALSE(is_folder(folder_ / "runs"));
  EXPECT_EQ(train("--epochs 1 --name a/b").code, 2);
}

TEST_F(RunFolderTest, EitherWeightsCanBeResumed) {
  ASSERT_EQ(train("--epochs 6 --lr 0.01 --output whole.h5").code, 0);
  ASSERT_EQ(train("--epochs 4 --lr 0.01 --output parts.h5 --name parts").code, 0);
  for (const char* name : {"best.h5", "last.h5"}) {
    fs::copy_file(folder_ / "runs/parts" / name, folder_ / "copy.h5", fs::copy_options::overwrite_existing);
    Outcome resumed = train("--resume --epochs 6 --output copy.h5");
    EXPECT_EQ(resumed.code, 0) << resumed.errors;
    EXPECT_TRUE(model("copy.h5") == model("whole.h5")) << name;
  }
}

}  // namespace
}  // namespace manul
