#include "manul/framework/config/json.h"
#include "manul/framework/file_system.h"
#include "manul/tests/tools/train_catdog.h"

// What a run tells other programs: --tensorboard and --log-json. That TensorBoard reads its files is shown by
// tests/tensorboard/read_back.py.
namespace manul {
namespace {

using testing::HasSubstr;

class TrainLogs : public TrainCatdog {
 protected:
  std::vector<Config> log(const std::string& name) {
    std::vector<Config> lines;
    std::istringstream stream(read_file(folder_ / name));
    for (std::string line; std::getline(stream, line);) lines.push_back(parse_json(line));
    return lines;
  }
  std::string events(const std::string& part) {
    std::string all;
    for (const FolderEntry& entry : list_folder(folder_ / "runs/train/tensorboard" / part, ErrorKind::data))
      all += read_file(entry.path);
    return all;
  }
};

TEST_F(TrainLogs, TensorBoardHasCurvesGraphAndPictures) {
  Outcome outcome = train("--epochs 2 --tensorboard");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  std::string training = events("train"), validation = events("validation");
  for (const char* text :
       {"brain.Event:2", "epoch_loss", "epoch_accuracy", "epoch_learning_rate", "MaxPooling2D", "--shear"})
    EXPECT_THAT(training, HasSubstr(text));
  EXPECT_THAT(validation, HasSubstr("epoch_accuracy"));
  if (is_file(folder_ / "runs/train/worst.jpg")) {
    EXPECT_THAT(training, HasSubstr(read_file(folder_ / "runs/train/train_batch.jpg")));
    EXPECT_THAT(validation, HasSubstr(read_file(folder_ / "runs/train/worst.jpg")));
  }
  Outcome nowhere = train("--epochs 1 --tensorboard --no-run-folder");
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_THAT(nowhere.errors, HasSubstr("tensorboard: its files lie in the run's folder"));
}

TEST_F(TrainLogs, LogOfJsonLines) {
  ASSERT_EQ(train("--epochs 3 --lr 1000 --log-json log.jsonl").code, 0);
  std::vector<Config> lines = log("log.jsonl");
  ASSERT_GE(lines.size(), 6U);
  EXPECT_EQ(lines[0].at("event").as_string(), "start");
  EXPECT_EQ(lines[0].at("training_images").as_int(), 100);
  EXPECT_EQ(lines[0].at("run_folder").as_string(), "runs/train");
  EXPECT_EQ(lines[0].at("options").at("--lr").as_string(), "1000");
  for (size_t epoch = 1; epoch <= 3; ++epoch) {
    EXPECT_EQ(lines[epoch].at("event").as_string(), "epoch");
    EXPECT_EQ(lines[epoch].at("epoch").as_int(), static_cast<int64_t>(epoch));
    EXPECT_TRUE(lines[epoch].find("val_accuracy"));
  }
  EXPECT_EQ(lines[4].at("event").as_string(), "warning");
  EXPECT_THAT(lines[4].at("text").as_string(), HasSubstr("try a smaller --lr"));
  EXPECT_EQ(lines.back().at("event").as_string(), "end");
  EXPECT_EQ(lines.back().at("reason").as_string(), "finished");
  EXPECT_EQ(lines.back().at("exit_code").as_int(), 0);

  size_t before = lines.size();
  EXPECT_EQ(run(folder_.path(), "train_catdog --device cpu --data nowhere --log-json log.jsonl").code, 3);
  lines = log("log.jsonl");
  ASSERT_EQ(lines.size(), before + 1) << "added to what is there";
  EXPECT_EQ(lines.back().at("event").as_string(), "error");
  EXPECT_THAT(lines.back().at("text").as_string(), HasSubstr("nowhere"));
  EXPECT_EQ(train("--epochs 1 --log-json no/such/folder/log").code, 2);
}

TEST_F(TrainLogs, ModelsAreNotWrittenUnderNamesOfOtherFormats) {
  for (const char* name : {"model.gif", "model.onnx", "model.pt"}) {
    Outcome outcome = train(std::string("--epochs 1 --output ") + name);
    EXPECT_EQ(outcome.code, 2) << name;
    EXPECT_THAT(outcome.errors, HasSubstr("models are written as .h5 or .keras"));
  }
}

}  // namespace
}  // namespace manul
