#include <gmock/gmock.h>

#include "manul/data/image/image_io.h"
#include "manul/data/synthetic/synthetic.h"
#include "manul/models/zoo/catdog.h"
#include "manul/tests/tools/run.h"

namespace manul {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

/// A folder with an untrained model.h5, a cat.jpg and a dog.png.
class Predict : public testing::Test {
 protected:
  void SetUp() override {
    save_model({"cats", "dogs"}, {});
    save_jpeg(folder_ / "cat.jpg", draw_synthetic(SyntheticAnimal::cat, 0, 0));
    save_png(folder_ / "dog.png", draw_synthetic(SyntheticAnimal::dog, 0, 0));
  }
  void save_model(const std::vector<std::string>& class_names, const CatdogOptions& options) {
    Model model = catdog_network(options);
    model.build({.seed = 1, .gradients = false});
    model.preprocessing = {class_names, 1.0 / 255, "nearest"};
    model.save((folder_ / "model.h5").string());
  }
  Outcome run_here(const std::string& line) { return run(folder_.path(), line); }

  TemporaryFolder folder_;
};

TEST_F(Predict, AnswersAsTheArticle) {
  Outcome outcome = run_here("predict model.h5 cat.jpg");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, MatchesRegex("Probability = [01]\\.[0-9]{4}\nPrediction = (cat|dog)\n"));
  EXPECT_EQ(outcome.errors, "");
}

TEST_F(Predict, FileWithoutClassNamesMeansCatAndDog) {
  save_model({}, {});
  EXPECT_THAT(run_here("predict model.h5 cat.jpg").output, MatchesRegex(".*\nPrediction = (cat|dog)\n"));
}

TEST_F(Predict, ProbabilityIsThatOfThePredictedClass) {
  Outcome outcome = run_here("predict model.h5 --top 2 cat.jpg");
  double first = 0, second = 0;
  ASSERT_EQ(std::sscanf(outcome.output.c_str(), "cat.jpg: %*s %lf, %*s %lf", &first, &second), 2)
      << outcome.output;
  EXPECT_GE(first, 0.5);
  EXPECT_NEAR(first + second, 1, 1.01e-4);
}

TEST_F(Predict, SeveralPicturesAndFoldersGiveALineEach) {
  std::filesystem::create_directory(folder_ / "more");
  save_jpeg(folder_ / "more/b.jpg", draw_synthetic(SyntheticAnimal::cat, 0, 1));
  save_jpeg(folder_ / "more/a.jpg", draw_synthetic(SyntheticAnimal::dog, 0, 1));
  Outcome outcome = run_here("predict model.h5 cat.jpg more dog.png");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, MatchesRegex("cat.jpg: [a-z]+ [0-9.]+\nmore/a.jpg: [a-z]+ [0-9.]+\n"
                                           "more/b.jpg: [a-z]+ [0-9.]+\ndog.png: [a-z]+ [0-9.]+\n"));
}

TEST_F(Predict, AFolderOfOnePictureGivesALine) {
  std::filesystem::create_directory(folder_ / "one");
  std::filesystem::copy(folder_ / "cat.jpg", folder_ / "one");
  EXPECT_THAT(run_here("predict model.h5 one").output, MatchesRegex("one/cat.jpg: [a-z]+ [0-9.]+\n"));
}

TEST_F(Predict, NamesNeitherBreakLinesNorCommandTheTerminal) {
  std::filesystem::create_directory(folder_ / "odd");
  std::filesystem::copy(folder_ / "cat.jpg", folder_ / "odd/a\nb.jpg");
  write_file(folder_ / "odd/\033[31m.jpg", "this is no picture");
  Outcome outcome = run_here("predict model.h5 odd");
  EXPECT_THAT(outcome.output, MatchesRegex("odd/a\\\\nb.jpg: [a-z]+ [0-9.]+\n"));
  EXPECT_THAT(outcome.errors, HasSubstr("odd/\\x1b[31m.jpg: "));
}

TEST_F(Predict, JsonIsOneObjectALine) {
  Outcome outcome = run_here("predict model.h5 --json cat.jpg missing.jpg");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(
      outcome.output,
      MatchesRegex("\\{\"schema\":1,\"file\":\"cat.jpg\",\"prediction\":\"[a-z]+\",\"probability\":[0-9.]+,"
                   "\"probabilities\":\\{\"[a-z]+\":[0-9.]+,\"[a-z]+\":[0-9.]+\\}\\}\n"
                   "\\{\"schema\":1,\"file\":\"missing.jpg\",\"error\":\".*\"\\}\n"));
}

TEST_F(Predict, ThreeClassesAndNamesOfTheirOwn) {
  save_model({"ant", "bee", "cow"}, {.classes = 3});
  EXPECT_THAT(run_here("predict model.h5 cat.jpg").output, MatchesRegex(".*\nPrediction = (ant|bee|cow)\n"));
  save_model({}, {.classes = 3});
  EXPECT_THAT(run_here("predict model.h5 --top 9 cat.jpg").output,
              MatchesRegex("cat.jpg: class [012] [0-9.]+, class [012] [0-9.]+, class [012] [0-9.]+\n"));
}

TEST_F(Predict, BadPicturesAreNamedAndTheOthersAnswered) {
  write_file(folder_ / "text.jpg", "this is no picture");
  write_file(folder_ / "half.jpg", read_file(folder_ / "cat.jpg").substr(0, 1000));
  write_file(folder_ / "empty.png", "");
  Outcome outcome = run_here("predict model.h5 text.jpg half.jpg empty.png missing.jpg dog.png");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.output, MatchesRegex("dog.png: [a-z]+ [0-9.]+\n"));
  for (const char* name : {"text.jpg", "half.jpg", "empty.png", "missing.jpg"})
    EXPECT_THAT(outcome.errors, HasSubstr(std::string("predict: ") + name)) << outcome.errors;
}

TEST_F(Predict, EmptyFolderIsNoData) {
  std::filesystem::create_directory(folder_ / "nothing");
  Outcome among_others = run_here("predict model.h5 nothing cat.jpg --json");
  EXPECT_EQ(among_others.code, 3);
  EXPECT_THAT(among_others.output, MatchesRegex("\\{\"schema\":1,\"file\":\"nothing\",\"error\":\".*\"\\}\n"
                                                "\\{\"schema\":1,\"file\":\"cat.jpg\",\"prediction\".*\n"));
  Outcome outcome = run_here("predict model.h5 nothing");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.errors, HasSubstr("nothing"));
  Outcome nobody = run_here("find nothing -type f | predict model.h5 -");
  EXPECT_EQ(nobody.code, 3);
  EXPECT_THAT(nobody.errors, HasSubstr("no names of pictures came on stdin"));
}

TEST_F(Predict, ModelFileThatIsNoneIsFour) {
  write_file(folder_ / "truncated.h5", read_file(folder_ / "model.h5").substr(0, 5000));
  write_file(folder_ / "empty.h5", "");
  for (const char* name : {"missing.h5", "truncated.h5", "empty.h5", "cat.jpg", "."}) {
    Outcome outcome = run_here(std::string("predict ") + name + " cat.jpg");
    EXPECT_EQ(outcome.code, 4) << name << ": " << outcome.errors;
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors, HasSubstr(name));
  }
}

TEST_F(Predict, WrongUsageIsTwo) {
  for (const char* arguments : {"", "model.h5", "model.h5 cat.jpg --top 0", "model.h5 cat.jpg --rescale nan",
                                "model.h5 cat.jpg --device moon"})
    EXPECT_EQ(run_here(std::string("predict ") + arguments).code, 2) << arguments;
}

}  // namespace
}  // namespace manul
