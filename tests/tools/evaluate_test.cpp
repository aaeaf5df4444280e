#include "manul/tools/support/evaluation.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "manul/data/image/image_io.h"
#include "manul/tests/tools/train_catdog.h"
#include "manul/tools/support/questions.h"

namespace manul {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

/// By hand: 3 cats (2 right), 5 dogs (4 right), no cow.
Evaluation by_hand() {
  Evaluation evaluation({"cats", "dogs", "cows"});
  for (auto [label, answer] : {std::pair{0, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 2}}) {
    std::vector<float> p(3, 0.25f);
    p[static_cast<size_t>(answer)] = 0.5f;
    evaluation.add(label, p);
  }
  return evaluation;
}

TEST(Evaluation, FiguresAreThoseOfTheirDefinitions) {
  Evaluation evaluation = by_hand();
  EXPECT_DOUBLE_EQ(evaluation.accuracy(), 6.0 / 8);
  EXPECT_DOUBLE_EQ(evaluation.precision(0), 1);
  EXPECT_DOUBLE_EQ(evaluation.recall(0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(evaluation.precision(1), 4.0 / 5);
  EXPECT_DOUBLE_EQ(evaluation.recall(1), 4.0 / 5);
  EXPECT_DOUBLE_EQ(evaluation.f1(0), 2 * 1 * (2.0 / 3) / (1 + 2.0 / 3));
  EXPECT_DOUBLE_EQ(evaluation.f1(2), 0) << "answered once, never there";
  EXPECT_DOUBLE_EQ(evaluation.balanced_accuracy(), (2.0 / 3 + 4.0 / 5) / 2)
      << "of the classes that are there";
  EXPECT_NEAR(evaluation.loss(), (6 * -std::log(0.5) + 2 * -std::log(0.25)) / 8, 1e-12);
}

TEST(Evaluation, TheTextFitsTheColumns) {
  std::string text = report_text(by_hand());
  EXPECT_THAT(text, HasSubstr("cats      1.0000  0.6667  0.8000         3\n"));
  EXPECT_THAT(text, HasSubstr("cats      2     1     0\n"));
  for (size_t classes : {2, 12, 40, 300}) {
    std::vector<std::string> names;
    for (size_t i = 0; i < classes; ++i) names.push_back("a rather long name \xc3\xa4 " + std::to_string(i));
    Evaluation evaluation(names);
    std::vector<float> p(classes, 0.0f);
    p[1] = 1;
    for (size_t i = 0; i < classes; ++i) evaluation.add(static_cast<int>(i), p);
    std::istringstream lines(report_text(evaluation));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u + classes) << line;
  }
}

TEST(Evaluation, LabelsComeFromNamesAndFolders) {
  std::vector<std::string> names{"cat", "dogs", "catfish"};
  auto label = [&](const std::string& file, LabelsFrom from) {
    return static_cast<int>(label_of(file, names, from).value_or(99));
  };
  EXPECT_EQ(label("x/cat.4001.jpg", LabelsFrom::name), 0);
  EXPECT_EQ(label("x/Cats-1.jpg", LabelsFrom::name), 0);
  EXPECT_EQ(label("x/cat7.jpg", LabelsFrom::name), 0);
  EXPECT_EQ(label("x/catfish_1.jpg", LabelsFrom::name), 2);
  EXPECT_EQ(label("x/category.jpg", LabelsFrom::name), 99);
  EXPECT_EQ(label("dog/cat.1.jpg", LabelsFrom::folder), 1);
  EXPECT_EQ(label("a/Dogs/1.jpg", LabelsFrom::folder), 1);
  EXPECT_EQ(label("cat.jpg", LabelsFrom::none), 99);
}

class EvaluateProgram : public TrainCatdog {
 protected:
  void SetUp() override {
    TrainCatdog::SetUp();
    Outcome outcome = train("--epochs 8 --lr 0.003");
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    size_t at = outcome.output.find("val_accuracy ", outcome.output.find("Last epoch"));
    accuracy_ = outcome.output.substr(at + 13, 6);
  }
  Outcome run_here(const std::string& line) { return run(folder_.path(), line); }
  std::string accuracy_;
};

TEST_F(EvaluateProgram, AgreesWithTheTrainingAndWithPredict) {
  Outcome outcome = run_here("evaluate trained_model.h5 test_set");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output,
              StartsWith("test_set: 20 images in 2 classes: cats 10, dogs 10\naccuracy " + accuracy_));
  EXPECT_THAT(outcome.output, HasSubstr("precision  recall      f1  pictures\n"));
  EXPECT_THAT(outcome.output,
              HasSubstr("Confusion matrix: rows are the true classes, columns the answers\n"));
  EXPECT_THAT(run_here("predict trained_model.h5 --labels-from name test_set").errors,
              HasSubstr(" of 20 right, accuracy " + accuracy_ + "\n"));
  EXPECT_EQ(run_here("evaluate trained_model.h5 --labels-from name --device cpu --json test_set").output,
            run_here("evaluate trained_model.h5 --device cpu --json test_set").output);
}

TEST_F(EvaluateProgram, JsonAndCsvAreWhole) {
  Outcome json = run_here("evaluate trained_model.h5 test_set --json");
  EXPECT_THAT(json.output,
              MatchesRegex("\\{\"schema\":1,\"model\":\"trained_model.h5\",\"data\":\"test_set\",\"images\":"
                           "20,\"accuracy\":.*\"confusion_matrix\":\\[\\[[0-9]+,[0-9]+\\],\\[[0-9]+,[0-9]+"
                           "\\]\\]\\}\n"));
  Outcome csv = run_here("evaluate trained_model.h5 test_set --csv");
  EXPECT_THAT(csv.output,
              MatchesRegex("class,images,precision,recall,f1,answered cats,answered dogs\ncats,10,.*\ndogs,"
                           "10,.*\n"));
  EXPECT_EQ(run_here("evaluate trained_model.h5 test_set --csv --json").code, 2);
}

TEST_F(EvaluateProgram, BadPicturesAreNamedAndForeignFoldersRefused) {
  write_file(folder_ / "test_set/cats/bad.jpg", "this is no picture");
  Outcome outcome = run_here("evaluate trained_model.h5 test_set");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.errors, HasSubstr("evaluate: test_set/cats/bad.jpg: not a picture"));
  EXPECT_THAT(outcome.output, HasSubstr("20 images"));
  std::filesystem::rename(folder_ / "test_set/cats", folder_ / "test_set/lions");
  Outcome foreign = run_here("evaluate trained_model.h5 test_set");
  EXPECT_EQ(foreign.code, 3);
  EXPECT_THAT(foreign.errors,
              HasSubstr("'lions' is none of the model's classes (cats, dogs); --classes names them"));
  Outcome flat = run_here("evaluate trained_model.h5 test_set/dogs");
  EXPECT_EQ(flat.code, 3);
  EXPECT_THAT(flat.errors, HasSubstr("--labels-from name"));
  EXPECT_EQ(run_here("evaluate trained_model.h5 missing").code, 3);
  EXPECT_EQ(run_here("evaluate missing.h5 test_set").code, 4);
}

TEST_F(EvaluateProgram, ReportIsAPageOfItsOwn) {
  Outcome outcome = run(folder_.path(), "evaluate --device cpu trained_model.h5 test_set --report report");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.errors, HasSubstr("Report: report/report.html\n"));
  std::string page = read_file(folder_ / "report/report.html");
  for (const char* text :
       {"Evaluation of trained_model.h5", "cats 10, dogs 10", "Confusion matrix", "Calibration",
        "evaluate --device cpu trained_model.h5 test_set --report report", "MaxPooling2D"})
    EXPECT_THAT(page, HasSubstr(text));
  EXPECT_THAT(page, testing::Not(HasSubstr("<polyline"))) << "nothing was trained";
  Outcome again = run(folder_.path(), "evaluate --device cpu trained_model.h5 test_set --report report");
  EXPECT_EQ(again.code, 2);
  EXPECT_THAT(again.errors, HasSubstr("report is not empty; nothing in it is overwritten"));
  EXPECT_EQ(read_file(folder_ / "report/report.html"), page);
}

TEST_F(EvaluateProgram, PredictShowsWhatItLookedAt) {
  std::string picture = run(folder_.path(), "ls test_set/dogs/* | head -n 1").output;
  picture.pop_back();
  Outcome outcome = run(folder_.path(), "predict trained_model.h5 " + picture + " --explain why.png");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.output, run(folder_.path(), "predict trained_model.h5 " + picture).output);
  EXPECT_THAT(outcome.errors, testing::ContainsRegex("What speaks for (cats|dogs) is shown in why.png\n"));
  Image shown = load_image(folder_ / "why.png");
  EXPECT_EQ(shown.height, 256);
  EXPECT_EQ(shown.width, 512) << "the picture, and beside it what was looked at";
  int colored = 0;
  for (int y = 0; y < 256; ++y)
    for (int x = 256; x < 512; ++x) {
      const uint8_t* pixel = shown.row(y) + size_t{3} * x;
      colored += std::max({pixel[0], pixel[1], pixel[2]}) - std::min({pixel[0], pixel[1], pixel[2]}) > 60;
    }
  EXPECT_GT(colored, 100);
  EXPECT_LT(colored, 256 * 256 * 3 / 4) << "a part of it";
  EXPECT_EQ(run(folder_.path(), "predict trained_model.h5 test_set --explain why.png").code, 2);
  EXPECT_EQ(run(folder_.path(), "predict trained_model.h5 " + picture + " --explain why.gif").code, 2);
  EXPECT_EQ(run(folder_.path(), "predict trained_model.h5 " + picture + " --explain ./" + picture).code, 2);
}

TEST_F(EvaluateProgram, PredictAnswersInEveryForm) {
  Outcome csv = run_here("predict trained_model.h5 --csv test_set/cats");
  EXPECT_THAT(csv.output, StartsWith("file,prediction,probability,cats,dogs\ntest_set/cats/cat."));
  Outcome kaggle = run_here("predict trained_model.h5 --kaggle 'test_set/dogs/dog.5*.jpg'");
  EXPECT_EQ(kaggle.code, 0) << kaggle.errors;
  EXPECT_THAT(kaggle.output, MatchesRegex("id,label\n(dog.5[0-9],[0-9.e-]+\n)+"));
  Outcome lines = run_here("ls test_set/*/* | predict trained_model.h5 -");
  EXPECT_EQ(lines.output, run_here("predict trained_model.h5 test_set").output);
  Outcome neither = run_here("predict trained_model.h5 --threshold 1 test_set/dogs");
  EXPECT_THAT(neither.output, HasSubstr(".jpg: neither, "));
  Outcome nothing = run_here("predict trained_model.h5 'nothing*.jpg'");
  EXPECT_EQ(nothing.code, 3);
  EXPECT_THAT(nothing.errors, HasSubstr("nothing*.jpg: no file fits this pattern"));
  std::filesystem::rename(folder_ / "test_set/dogs/dog.60.jpg", folder_ / "test_set/dogs/[odd]*,\".jpg");
  Outcome odd = run_here("predict trained_model.h5 --csv 'test_set/dogs/[odd]*,\".jpg'");
  EXPECT_EQ(odd.code, 0) << odd.errors;
  EXPECT_THAT(odd.output, HasSubstr("\n\"test_set/dogs/[odd]*,\"\".jpg\","));
}

TEST_F(EvaluateProgram, HiddenPicturesAreSkippedByPredictAsByTraining) {
  std::filesystem::create_directories(folder_ / "test_set/cats/.ipynb_checkpoints");
  for (const char* name : {"cats/._cat.60.jpg", "cats/.ipynb_checkpoints/cat.60.jpg"})
    std::filesystem::copy(folder_ / "test_set/cats/cat.60.jpg", folder_ / "test_set" / name);
  Outcome outcome = run_here("predict trained_model.h5 test_set");
  EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 20);
}

}  // namespace
}  // namespace manul
