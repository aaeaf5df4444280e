#include <gmock/gmock.h>

#include <filesystem>

#include "manul/models/graph/sequential.h"
#include "manul/models/keras/h5.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/tools/run.h"

namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class KerasInfo : public testing::Test {
 protected:
  Outcome info(const std::string& arguments) { return run(folder_.path(), "keras_info " + arguments); }
  Model network() {
    Sequential model({8, 8, 3});
    model.add(Conv2D{.filters = 4, .kernel_size = 3, .name = "first"});
    model.add(Conv2D{.filters = 4, .kernel_size = 3});
    model.add(Flatten{});
    model.add(Dense{.units = 2, .activation = Activation::softmax});
    model.compile(Adam({.learning_rate = 0.25}), Loss::sparse_categorical_crossentropy, {Metric::accuracy});
    model.preprocessing.class_names = {"ant", "bee"};
    return model;
  }
  TemporaryFolder folder_;
};

TEST_F(KerasInfo, SaysWhatAFileIs) {
  Model model = network();
  for (const char* name : {"model.h5", "model.keras"}) {
    SCOPED_TRACE(name);
    model.save(folder_ / name);
    Outcome outcome = info(name);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(
        outcome.output,
        AllOf(ContainsRegex("written by +Manul, in the form of Keras"), ContainsRegex("model +Sequential"),
              HasSubstr("2 Conv2D, Flatten, Dense"), ContainsRegex("loss +sparse_categorical_crossentropy"),
              ContainsRegex("metrics +accuracy"), ContainsRegex("optimizer +Adam, learning rate 0.25")));
    EXPECT_THAT(outcome.output,
                AllOf(ContainsRegex("weights +390 numbers in 6 tensors, 1560 bytes"),
                      ContainsRegex("classes +ant, bee"), HasSubstr("[8, 8, 3] a sample"),
                      ContainsRegex("predicts here +yes"), ContainsRegex("trains here +yes")));
    EXPECT_THAT(outcome.output, Not(HasSubstr("Total params")));
    EXPECT_THAT(info(std::string("--summary ") + name).output, HasSubstr("Total params: 390"));
  }
  save_weights(model, folder_ / "m.weights.h5");
  save_weights(model, folder_ / "w.h5");
  for (const char* name : {"m.weights.h5", "w.h5"}) {
    Outcome outcome = info(name);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.output, AllOf(ContainsRegex("model +none: weights alone"), HasSubstr("390 numbers")));
  }
}

TEST_F(KerasInfo, SaysWhatIsWrongWithDamagedFiles) {
  network().save(folder_ / "model.h5");
  network().save(folder_ / "model.keras");
  for (const char* name : {"model.h5", "model.keras"}) {
    std::string whole = read_file(folder_ / name);
    for (size_t length = 0; length < whole.size(); length += 1 + whole.size() / 12) {
      write_file(folder_ / "cut", whole.substr(0, length));
      Outcome outcome = info("cut");
      EXPECT_EQ(outcome.code, 4) << name << " " << length;
      EXPECT_THAT(outcome.errors, ContainsRegex("^keras_info: cut: ")) << length;
    }
    for (int run = 0; run < 30; ++run) {
      std::string damaged = whole;
      damaged[static_cast<size_t>(run) * 7919 % damaged.size()] ^= static_cast<char>(1 << run % 8);
      write_file(folder_ / "damaged", damaged);
      EXPECT_THAT(info("damaged").code, testing::AnyOf(0, 4)) << name << " " << run;
    }
  }
  write_file(folder_ / "text", "no model");
  EXPECT_EQ(info("text").code, 4);
  EXPECT_THAT(info("text").output, HasSubstr("neither HDF5 nor a zip archive"));
  EXPECT_EQ(info("nowhere.h5").code, 4);
  EXPECT_EQ(info(".").code, 4);
  EXPECT_EQ(info("").code, 2);
}

TEST_F(KerasInfo, SaysWhatCannotBeDoneHere) {
  std::string folder = shared_file("fixtures/models");
  if (folder.empty()) GTEST_SKIP() << missing_shared_file("fixtures/models");
  Outcome lambda = info("'" + folder + "/keras2-refused-lambda.h5'");
  EXPECT_EQ(lambda.code, 0);
  EXPECT_THAT(lambda.output,
              AllOf(HasSubstr("Lambda"), ContainsRegex("predicts here +no: layer twice: a Lambda")));
  int files = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::string name = entry.path().filename();
    if (!name.starts_with("keras")) continue;
    Outcome outcome = info("'" + entry.path().string() + "'");
    EXPECT_EQ(outcome.code, 0) << name << outcome.errors;
    EXPECT_THAT(outcome.output, ContainsRegex("written by +Keras")) << name;
    ++files;
  }
  EXPECT_GT(files, 50);
}

}  // namespace
}  // namespace manul
