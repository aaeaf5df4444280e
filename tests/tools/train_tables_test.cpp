#include <gmock/gmock.h>

#include "manul/data/image/image_io.h"
#include "manul/framework/file_system.h"
#include "manul/layers/layers.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/keras/h5.h"
#include "manul/tests/tools/run.h"
#include "manul/tools/support/table_evaluation.h"

// `train` for several labels and for numbers, from a table.
namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// 80 pictures of two colours, their labels (bright red, bright blue) and their numbers (how red and how
/// blue).
class TrainTables : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "pictures");
    std::string labels = "file,red,blue\n", numbers = "file,redness\n";
    for (int i = 0; i < 80; ++i) {
      int red = 7 * i % 256, blue = 53 * i % 256;
      Image image(12, 12, 3);
      for (size_t pixel = 0; pixel < 144; ++pixel) {
        image.pixels[3 * pixel] = static_cast<uint8_t>(red);
        image.pixels[3 * pixel + 1] = static_cast<uint8_t>(pixel);
        image.pixels[3 * pixel + 2] = static_cast<uint8_t>(blue);
      }
      std::string name = fmt::format("{}.png", i);
      save_png(folder_ / "pictures" / name, image);
      labels += fmt::format("{},{},{}\n", name, red > 127 ? 1 : 0, blue > 127 ? 1 : 0);
      numbers += fmt::format("{},{:.3f}\n", name, red / 100.0);
    }
    write_file(folder_ / "labels.csv", labels);
    write_file(folder_ / "pictures/numbers.csv", numbers);
    Sequential model({12, 12, 3});
    model.add(Rescaling{.scale = 1 / 127.5, .offset = -1.0});
    model.add(GlobalAveragePooling2D{});
    model.add(Dense{.units = 16, .activation = Activation::relu});
    model.add(Dense{.units = 3, .activation = Activation::softmax});
    write_file(folder_ / "small.json", to_json(model));
  }
  Outcome train(const std::string& arguments) {
    return run(folder_.path(),
               "train --device cpu --model small.json --lr 0.02 --batch 8 --split 0.25 " + arguments);
  }
  Outcome shell(const std::string& line) { return run(folder_.path(), line); }
  std::string file(const std::string& name) { return read_file(folder_ / name); }

  const std::string labels = "--labels labels.csv --data pictures ",
                    numbers = "--targets pictures/numbers.csv ";
  TemporaryFolder folder_;
};

TEST_F(TrainTables, SeveralLabels) {
  Outcome outcome = train(labels + "--epochs 40 --output labels.h5");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output,
              testing::ContainsRegex("Training: 60 images, 2 labels: red [0-9]+, blue [0-9]+\n"));
  EXPECT_THAT(outcome.output, HasSubstr("Validation: 20 images, 2 labels: "));
  EXPECT_THAT(outcome.output, HasSubstr("val_binary_accuracy"));
  size_t last = outcome.output.find("\nLast epoch 40: ");
  double accuracy = std::stod(outcome.output.substr(outcome.output.find("val_binary_accuracy ", last) + 20));
  EXPECT_GE(accuracy, 0.9);
  for (const char* name : {"report.html", "history.csv", "best.h5", "args.json", "log.txt"})
    EXPECT_TRUE(is_file(folder_ / "runs/train" / name)) << name;
  EXPECT_THAT(file("runs/train/report.html"), HasSubstr("<th>label<th class=n>precision"));
  EXPECT_FALSE(is_file(folder_ / "runs/train/confusion_matrix.png"));

  EXPECT_THAT(shell("predict labels.h5 pictures/36.png").output,  // red 252, blue 116
              testing::ContainsRegex("pictures/36.png: red [01]\\.[0-9]+\n"));
  EXPECT_THAT(shell("predict labels.h5 pictures/0.png").output,
              HasSubstr("pictures/0.png: none of the labels\n"));
  EXPECT_THAT(shell("predict --json labels.h5 pictures/36.png").output,
              HasSubstr("\"labels\":[\"red\"],\"probabilities\":{\"red\":"));
  EXPECT_THAT(shell("predict --csv labels.h5 pictures/36.png").output,
              HasSubstr("file,red,blue\npictures/36.png,0."));
  EXPECT_EQ(shell("predict --kaggle labels.h5 pictures/36.png").code, 2);
  Outcome evaluated = shell("evaluate --device cpu labels.h5 labels.csv --folder pictures");
  EXPECT_EQ(evaluated.code, 0) << evaluated.errors;
  EXPECT_THAT(evaluated.output, HasSubstr("labels.csv: 80 images\nlabel accuracy 0.9"));
  EXPECT_THAT(shell("evaluate --device cpu labels.h5 labels.csv --folder pictures --json").output,
              HasSubstr("\"columns\":{\"red\":{\"precision\":"));
  Outcome folder = shell("evaluate --device cpu labels.h5 pictures");
  EXPECT_EQ(folder.code, 2);
  EXPECT_THAT(folder.errors, HasSubstr("a table is needed, the CSV file with the columns file,red,blue"));
}

TEST_F(TrainTables, NumbersAndResuming) {
  Outcome outcome = train(numbers + "--epochs 60 --output numbers.keras");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("Training: 60 images, 1 number each: redness "));
  EXPECT_TRUE(is_file(folder_ / "runs/train/last.keras"));
  EXPECT_THAT(file("runs/train/report.html"), HasSubstr("mean absolute error"));
  EXPECT_EQ(is_file(folder_ / "runs/train/curves.png"), is_file(folder_ / "runs/train/scatter.png"));
  Outcome evaluated = shell("evaluate --device cpu numbers.keras pictures/numbers.csv");
  ASSERT_EQ(evaluated.code, 0) << evaluated.errors;
  double error = std::stod(evaluated.output.substr(evaluated.output.find("mean absolute error ") + 20));
  EXPECT_LT(error, 0.15) << "of numbers from 0 to 2.55";
  std::string answer = shell("predict numbers.keras pictures/36.png").output;
  EXPECT_NEAR(std::stod(answer.substr(answer.find(": redness ") + 10)), 2.52, 0.5);
  EXPECT_THAT(shell("predict --json numbers.keras pictures/36.png").output,
              HasSubstr("\"values\":{\"redness\":"));
  EXPECT_THAT(shell("evaluate --device cpu --csv numbers.keras pictures/numbers.csv").output,
              HasSubstr("number,mean abs. error,RMSE,R^2\nredness,0.0"));

  for (const char* arguments : {"--epochs 4 --output whole.h5", "--epochs 2 --output parts.h5"})
    ASSERT_EQ(train(numbers + arguments).code, 0);
  Outcome resumed = shell("train --device cpu --resume --epochs 4 --output parts.h5");
  ASSERT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_TRUE(file("whole.h5") == file("parts.h5"));
  EXPECT_EQ(train(numbers + "--loss huber --epochs 1").code, 0);
}

TEST_F(TrainTables, AnotherTableValidates) {
  write_file(folder_ / "other.csv", "file,blue,red\npictures/1.png,0,0\npictures/36.png,0,1\n");
  std::string command = "train --device cpu --model small.json --epochs 1 --labels labels.csv --data ";
  Outcome outcome = shell(command + "pictures --validation pictures/other.csv");
  EXPECT_EQ(outcome.code, 3);
  write_file(folder_ / "pictures/other.csv", "file,blue,red\n1.png,0,0\n36.png,0,1\n");
  outcome = shell(command + "pictures --validation pictures/other.csv");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("Validation: 2 images, 2 labels: red 1, blue 0\n"));
  EXPECT_THAT(outcome.errors, HasSubstr("2 of the 2 validation pictures are in the training data as well"));
}

TEST_F(TrainTables, WhatIsWrongWithATableIsSaidWithItsLine) {
  auto said = [&](const std::string& table, const std::string& option = "--labels") {
    write_file(folder_ / "pictures/bad.csv", table);
    Outcome outcome = train(option + " pictures/bad.csv");
    EXPECT_EQ(outcome.code, 3) << table;
    return outcome.errors;
  };
  EXPECT_THAT(said("file,red\n1.png,1\nmissing.png,0\n"),
              HasSubstr("pictures/bad.csv:3: there is no file pictures/missing.png"));
  EXPECT_THAT(said("name,red\n1.png,1\n"),
              HasSubstr("pictures/bad.csv:1: the first column is called 'name'"));
  EXPECT_THAT(said("file\n1.png\n"), HasSubstr("pictures/bad.csv:1: there is no column beside file"));
  EXPECT_THAT(said("file,red\n1.png,yes\n"),
              HasSubstr("pictures/bad.csv:2: 'yes' in the column red is neither 0 nor 1"));
  EXPECT_THAT(said("file,age\n1.png,old\n", "--targets"),
              HasSubstr("pictures/bad.csv:2: 'old' in the column age is not a number"));
  EXPECT_EQ(train("--labels missing.csv").code, 3);
  EXPECT_EQ(train(labels + numbers).code, 2);
  EXPECT_EQ(train(labels + "--task classify").code, 2);
  EXPECT_EQ(train(labels + "--class-weight balanced").code, 2);
  EXPECT_EQ(train(labels + "--monitor accuracy").code, 2);
}

TEST(TableEvaluation, FiguresAreThoseOfTheirDefinitions) {
  auto row = [](std::initializer_list<float> values) { return std::vector<float>(values); };
  TableEvaluation numbers(Task::regress, {"x", "y"});
  numbers.add(row({1, 0}), row({2, 0}));
  numbers.add(row({3, 0}), row({3, 4}));
  EXPECT_DOUBLE_EQ(numbers.mean_absolute_error(0), 0.5);
  EXPECT_DOUBLE_EQ(numbers.mean_absolute_error(), 1.25);
  EXPECT_DOUBLE_EQ(numbers.root_mean_squared_error(1), std::sqrt(8.0));
  EXPECT_DOUBLE_EQ(numbers.r_squared(0), 1 - 0.5 / 1);
  EXPECT_DOUBLE_EQ(numbers.r_squared(1), 0) << "all truths are equal";
  EXPECT_DOUBLE_EQ(numbers.variance(), 0.5);
  EXPECT_DOUBLE_EQ(numbers.error_of(1), 2);

  TableEvaluation labels(Task::multilabel, {"a", "b"});
  labels.add(row({1, 0}), row({0.9F, 0.5F}));
  labels.add(row({1, 1}), row({0.4F, 0.6F}));
  labels.add(row({0, 0}), row({0.1F, 0.2F}));
  EXPECT_DOUBLE_EQ(labels.accuracy(), 4.0 / 6);
  EXPECT_DOUBLE_EQ(labels.exact_match(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(labels.precision(1), 0.5);
  EXPECT_DOUBLE_EQ(labels.recall(0), 0.5);
  EXPECT_DOUBLE_EQ(labels.f1(1), 2.0 / 3);
  EXPECT_EQ(labels.pictures_of(0), 2);
}

}  // namespace
}  // namespace manul
