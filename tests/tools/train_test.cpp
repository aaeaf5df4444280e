#include <algorithm>
#include <sstream>

#include "manul/framework/file_system.h"
#include "manul/layers/layers.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/keras/h5.h"
#include "manul/models/zoo/zoo.h"
#include "manul/tests/tools/train_catdog.h"
#include "manul/tools/support/near_names.h"

// Any network on any folder: `train`, and what train_catdog has of it.
namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A network of two convolutions for pictures of 16x16, with `classes` outputs.
Sequential small_network(int64_t classes) {
  Sequential model({16, 16, 3});
  model.add(Rescaling{.scale = 1.0 / 255});
  model.add(Conv2D{.filters = 8, .kernel_size = 3, .activation = Activation::relu, .name = "first"});
  model.add(BatchNormalization{.name = "norm"});
  model.add(Conv2D{.filters = 8, .kernel_size = 3, .activation = Activation::relu, .name = "second"});
  model.add(GlobalAveragePooling2D{});
  model.add(Dense{.units = classes, .activation = Activation::softmax, .name = "answer"});
  return model;
}

class Train : public TrainCatdog {
 protected:
  void SetUp() override {
    TrainCatdog::SetUp();
    write_file(folder_ / "small.json", to_json(small_network(5)));
  }
  /// `train` on the pictures of the fixture.
  Outcome any(const std::string& arguments) {
    return run(folder_.path(), "train --device cpu --no-run-folder --data training_set " + arguments);
  }
  Outcome small(const std::string& arguments) { return any("--model small.json " + arguments); }
  /// A column of history.csv.
  std::vector<double> history(const std::string& name) {
    std::istringstream lines(model("history.csv"));
    std::string line, field;
    std::getline(lines, line);
    std::istringstream heading(line);
    int column = 0;
    while (std::getline(heading, field, ',') && field != name) ++column;
    std::vector<double> values;
    while (std::getline(lines, line)) {
      std::istringstream fields(line);
      for (int i = 0; i <= column; ++i) std::getline(fields, field, ',');
      values.push_back(std::stod(field));
    }
    return values;
  }
  std::vector<float> values(const std::string& file, const std::string& parameter) {
    Model loaded = Model::load(folder_ / file);
    return loaded.parameters().at(parameter).value.to_vector<float>();
  }
};

TEST_F(Train, AReadyMadeNetworkLearnsAndIsAskedWithoutBeingTold) {
  Outcome outcome = any("--model lenet5 --epochs 8 --output lenet.h5");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("(None, 28, 28, 1)"));
  EXPECT_THAT(outcome.output, HasSubstr("preprocess_input_scale"));
  EXPECT_LT(history("loss").back(), history("loss").front());
  Outcome evaluated = run(folder_.path(), "evaluate --device cpu lenet.h5 test_set");
  ASSERT_EQ(evaluated.code, 0) << evaluated.errors;
  EXPECT_THAT(evaluated.output, HasSubstr(fmt::format("accuracy {:.4f}", history("val_accuracy").back())));
  EXPECT_NEAR(std::stod(evaluated.output.substr(evaluated.output.find(", loss ") + 7)),
              history("val_loss").back(), 1e-4);
  EXPECT_THAT(run(folder_.path(), outcome.output.substr(outcome.output.find("predict lenet.h5"))).output,
              HasSubstr("Prediction = "));
}

TEST_F(Train, ANetworkOfAFileGetsTheOutputsThatAreNeeded) {
  Outcome two = small("--epochs 3 --output two.h5");
  ASSERT_EQ(two.code, 0) << two.errors;
  EXPECT_THAT(two.output, testing::ContainsRegex("answer \\(Dense\\) +\\(None, 1\\) +9\n"));
  EXPECT_LT(history("loss").back(), history("loss").front());
  fs::copy(folder_ / "test_set/cats", folder_ / "training_set/lions");
  Outcome three = any("--model two.h5 --no-validation --epochs 1 --output three.h5");
  ASSERT_EQ(three.code, 0) << three.errors;
  EXPECT_THAT(three.output, testing::ContainsRegex("answer \\(Dense\\) +\\(None, 3\\) +27\n"));
  EXPECT_THAT(three.output, HasSubstr("The network is that of two.h5, with new weights; --weights two.h5"));
}

TEST_F(Train, StartsFromAnEarlierRunWithOtherClasses) {
  fs::create_directories(folder_ / "animals");
  for (const char* name : {"cats", "dogs"})
    fs::copy(folder_ / "training_set" / name, folder_ / "animals" / name);
  fs::copy(folder_ / "test_set/dogs", folder_ / "animals/lions");
  for (const char* base : {"base.h5", "base.keras"}) {
    Outcome first = run(folder_.path(), std::string("train --device cpu --no-run-folder --model small.json "
                                                    "--data animals --epochs 2 --no-validation --output ") +
                                            base);
    ASSERT_EQ(first.code, 0) << first.errors;
    Outcome second = small(std::string("--epochs 2 --freeze all-but-last --weights ") + base);
    ASSERT_EQ(second.code, 0) << second.errors;
    EXPECT_THAT(second.output, HasSubstr(std::string("Weights of ") + base +
                                         ": 3 of 4 layers, by name; of other shapes there: answer\n"));
    for (const char* frozen : {"first/kernel", "norm/gamma", "norm/moving_mean", "second/bias"})
      EXPECT_EQ(values("trained_model.h5", frozen), values(base, frozen)) << frozen;
  }
  // Of a file that has no names.
  Model base = Model::load(folder_ / "base.h5");
  save_weights(base, folder_ / "base.weights.h5");
  Outcome nameless = small("--epochs 1 --lr 1e-12 --weights base.weights.h5");
  ASSERT_EQ(nameless.code, 0) << nameless.errors;
  EXPECT_THAT(nameless.output, HasSubstr("3 of 4 layers, in order; of other shapes there: answer\n"));
  // Of a file that has other names for some layers: more fit in order.
  Sequential renamed({16, 16, 3});
  renamed.add(Conv2D{.filters = 8, .kernel_size = 3, .name = "first"});
  renamed.add(BatchNormalization{.name = "first_norm"});
  renamed.add(Conv2D{.filters = 8, .kernel_size = 3, .name = "conv"});
  renamed.add(GlobalAveragePooling2D{});
  renamed.add(Dense{.units = 3, .name = "predictions"});
  renamed.build({.seed = 5});
  save_weights(renamed, folder_ / "renamed.h5");
  Outcome reordered = small("--epochs 1 --freeze all-but-last --weights renamed.h5");
  ASSERT_EQ(reordered.code, 0) << reordered.errors;
  EXPECT_THAT(reordered.output, HasSubstr("3 of 4 layers, in order; of other shapes there: answer\n"));
  EXPECT_EQ(values("trained_model.h5", "second/kernel"),
            renamed.parameters().at("conv/kernel").value.to_vector<float>());
  EXPECT_EQ(
      run(folder_.path(), "train --device cpu --model lenet5 --data training_set --weights base.h5").code, 4);
}

/// Keras builds EfficientNetB0 with a layer more for them; see NetworkOptions::for_imagenet_weights.
TEST_F(Train, WeightsOfImageNetHaveTheNetworkThatTheyWant) {
  Model imagenet =
      build_network("efficientnetb0", {.input_shape = {32, 32, 3}, .for_imagenet_weights = true});
  imagenet.build();
  Tensor deviations = Tensor::from(std::vector<float>{0.229F, 0.224F, 0.225F}, {3});
  imagenet.parameters().at("normalization/variance").value.copy_from(deviations);
  save_weights(imagenet, folder_ / "efficientnetb0.h5");
  Outcome outcome =
      any("--model EfficientNetB0 --size 32 --epochs 1 --freeze all-but-last --no-validation --weights "
          "efficientnetb0.h5 --output b0.h5");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("The network scales its pixels once more"));
  EXPECT_THAT(outcome.output, HasSubstr("Weights of efficientnetb0.h5: "));
  Model trained = Model::load(folder_ / "b0.h5");
  EXPECT_NEAR(trained.layer("rescaling_1")->config().at("scale").as_list().at(0).as_double(),
              1 / std::sqrt(0.229), 1e-6);
  EXPECT_EQ(trained.parameters().at("normalization/variance").value.to_vector<float>(),
            deviations.to_vector<float>());
  // Of a network of one's own pictures they are others, and it has no such layer.
  Model own = build_network("efficientnetb0", {.input_shape = {32, 32, 3}});
  own.build();
  EXPECT_FALSE(find_network("efficientnetb0").wants_imagenet_layer(own));
  own.parameters().at("normalization/variance").value.copy_from(Tensor::full({3}, 0.08));
  EXPECT_FALSE(find_network("efficientnetb0").wants_imagenet_layer(own));
}

TEST_F(Train, FrozenLayersStayAndTheOthersLearn) {
  ASSERT_EQ(small("--epochs 1 --lr 1e-12 --output new.h5").code, 0);
  struct Case {
    std::string freeze;
    std::vector<std::string> frozen, trained;
  };
  for (const Case& each :
       {Case{"until=norm",
             {"first/kernel", "norm/beta", "norm/moving_variance"},
             {"second/kernel", "answer/kernel"}},
        Case{"first,answer", {"first/kernel", "answer/bias"}, {"norm/beta", "second/kernel"}},
        Case{"all-but-last", {"first/kernel", "norm/beta", "second/kernel"}, {"answer/kernel"}}}) {
    Outcome outcome = small("--epochs 2 --lr 0.01 --output frozen.h5 --freeze " + each.freeze);
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.output, Not(HasSubstr("Non-trainable params: 0 ")));
    for (const std::string& name : each.frozen) {
      std::vector<float> initial = values("new.h5", name), now = values("frozen.h5", name);
      for (size_t i = 0; i < now.size(); ++i)
        EXPECT_NEAR(now[i], initial[i], name.find("moving") == 5 ? 1 : 1e-9) << name;
    }
    for (const std::string& name : each.trained)
      EXPECT_NE(values("frozen.h5", name), values("new.h5", name)) << name;
  }
  EXPECT_EQ(small("--epochs 2 --freeze until=norm --output whole.h5").code, 0);
  EXPECT_EQ(small("--epochs 1 --freeze until=norm --output parts.h5").code, 0);
  Outcome resumed =
      run(folder_.path(), "train --device cpu --no-run-folder --resume --epochs 2 --output parts.h5");
  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_TRUE(model("whole.h5") == model("parts.h5"));
}

TEST_F(Train, KerasArchivesAreWrittenAndGoneOnWith) {
  for (std::string program : {"train --model small.json", "train_catdog --size 16"}) {
    std::string command = program + " --device cpu --data training_set ";
    for (const char* arguments : {"--epochs 3 --output whole.keras", "--epochs 2 --output parts.keras"})
      ASSERT_EQ(run(folder_.path(), command + arguments).code, 0);
    Outcome resumed = run(folder_.path(), program.substr(0, program.find(' ')) +
                                              " --device cpu --resume --epochs 3 --output parts.keras");
    EXPECT_EQ(resumed.code, 0) << resumed.errors;
    EXPECT_TRUE(model("whole.keras") == model("parts.keras")) << program;
    EXPECT_THAT(model("whole.keras"), StartsWith("PK"));
    Outcome asked = run(folder_.path(), "predict whole.keras test_set/cats/*1.jpg");
    EXPECT_EQ(asked.code, 0) << asked.errors;
    EXPECT_THAT(asked.output, HasSubstr("Prediction = "));
  }
  EXPECT_TRUE(is_file(folder_ / "runs/train/last.keras"));
  Outcome alone = small("--epochs 1 --output alone.weights.h5");
  EXPECT_EQ(alone.code, 2);
  EXPECT_THAT(alone.errors, HasSubstr("output: alone.weights.h5 would hold weights alone"));
}

TEST_F(Train, OptimizerScheduleAndItsOwnRate) {
  ASSERT_EQ(small("--epochs 2 --optimizer sgd --schedule cosine --output sgd.h5").code, 0);
  Model loaded = Model::load(folder_ / "sgd.h5", {.training = true});
  EXPECT_EQ(loaded.optimizer().class_name(), "SGD");
  ASSERT_TRUE(loaded.optimizer().learning_rate().schedule());
  EXPECT_FLOAT_EQ(static_cast<float>(loaded.optimizer().learning_rate().schedule()->at(0)), 0.01f)
      << "Keras' own of SGD";
  EXPECT_NEAR(loaded.optimizer().learning_rate().schedule()->at(8), 0, 1e-9) << "4 steps an epoch";
  Outcome longer = run(folder_.path(), "train --device cpu --resume --epochs 3 --output sgd.h5");
  EXPECT_EQ(longer.code, 2);
  EXPECT_THAT(longer.errors, HasSubstr("falls along a cosine to 0 in epoch 2; other --epochs begin anew"));
  ASSERT_EQ(train("--epochs 1 --optimizer rmsprop --lr 0.002 --batch-size 16 --output rms.h5").code, 0);
  EXPECT_EQ(Model::load(folder_ / "rms.h5", {.training = true}).optimizer().class_name(), "RMSprop");
}

TEST_F(Train, BalancedClassesCountAlike) {
  ASSERT_EQ(train("--epochs 2 --output none.h5").code, 0);
  std::vector<double> none = history("loss");
  ASSERT_EQ(train("--epochs 2 --class-weight balanced --output balanced.h5").code, 0);
  EXPECT_NEAR(history("loss").back(), none.back(), 1e-4) << "equal classes weigh 1 each";
  for (int i = 6; i <= 50; ++i) fs::remove(folder_ / fmt::format("training_set/cats/cat.{}.jpg", i));
  Outcome unequal = train("--epochs 12 --lr 0.002 --seed 3 --output unequal.h5");
  EXPECT_THAT(unequal.errors, HasSubstr("; --class-weight balanced makes up for it"));
  ASSERT_EQ(train("--epochs 12 --lr 0.002 --seed 3 --class-weight balanced --output balanced.h5").code, 0);
  auto mean_of_cats = [&](const std::string& file) {
    std::istringstream lines(run(folder_.path(), "predict --csv " + file + " test_set").output);
    std::string line, field;
    std::getline(lines, line);
    EXPECT_EQ(line, "file,prediction,probability,cats,dogs");
    double sum = 0;
    for (; std::getline(lines, line);) {
      std::istringstream fields(line);
      for (int i = 0; i < 4; ++i) std::getline(fields, field, ',');
      sum += std::stod(field);
    }
    return sum / 20;
  };
  EXPECT_LT(mean_of_cats("unequal.h5"), 0.3);
  EXPECT_GT(mean_of_cats("balanced.h5"), mean_of_cats("unequal.h5") + 0.1);
}

TEST_F(Train, TheArticlesProgramIsASpecialCase) {
  ASSERT_EQ(train("--epochs 2 --output base.h5").code, 0);
  Outcome tuned = train("--epochs 1 --weights base.h5 --freeze until=flatten --output tuned.h5");
  ASSERT_EQ(tuned.code, 0) << tuned.errors;
  EXPECT_THAT(tuned.output, HasSubstr("Weights of base.h5: 3 of 3 layers, by name\n"));
  EXPECT_EQ(values("tuned.h5", "conv2d/kernel"), values("base.h5", "conv2d/kernel"));
  EXPECT_NE(values("tuned.h5", "dense/kernel"), values("base.h5", "dense/kernel"));
  EXPECT_EQ(train("--model lenet5").code, 2) << "it has one network alone";
  Outcome other = run(folder_.path(), "train --device cpu --resume --output base.h5");
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.errors, HasSubstr("holds no interrupted run of train"));
}

TEST_F(Train, WhatCannotBeIsSaidInASentence) {
  auto said = [&](const std::string& arguments, int code) {
    Outcome outcome = any(arguments);
    EXPECT_EQ(outcome.code, code) << arguments;
    EXPECT_THAT(outcome.output, Not(HasSubstr("Training: "))) << "it is said before pictures are read";
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
    return outcome.errors;
  };
  EXPECT_THAT(said("--model resnet17", 2), HasSubstr("model: there is no network resnet17, but "));
  EXPECT_THAT(said("--model resnet17", 2), HasSubstr("resnet18"));
  EXPECT_THAT(said("--model missing.h5", 4), HasSubstr("missing.h5"));
  EXPECT_THAT(said("", 2), HasSubstr("model: which network"));
  EXPECT_THAT(said("--model small.json --size 32", 2),
              HasSubstr("small.json takes pictures of 16x16 pixels, --size 32"));
  EXPECT_THAT(said("--model small.json --gray", 2), HasSubstr("--gray does not fit"));
  EXPECT_THAT(said("--model small.json --freeze until=secnd", 2),
              HasSubstr("freeze: no layer is called secnd; is this meant: second"));
  EXPECT_THAT(said("--model small.json --freeze nothing-like-it", 2), HasSubstr("there are answer, first, "));
  EXPECT_THAT(said("--model small.json --freeze until=answer", 2),
              HasSubstr("leaves no layer that is trained"));
  EXPECT_THAT(said("--model small.json --weights missing.h5", 4), HasSubstr("missing.h5"));
  write_file(folder_ / "broken.json", "{\"class_name\"");
  EXPECT_THAT(said("--model broken.json", 4), HasSubstr("broken.json: "));
  EXPECT_THAT(said("--model small.json --task regress", 2),
              HasSubstr("task: regress needs a table of numbers, --targets"));
  EXPECT_THAT(said("--model small.json --loss mse", 2),
              HasSubstr("loss: classes are trained by crossentropy"));
  EXPECT_THAT(said("--model small.json --monitor mae", 2), HasSubstr("monitor: there is no mae"));
  EXPECT_EQ(any("--model small.json --optimizer magic").code, 2);
  fs::create_directories(folder_ / "empty");
  Outcome empty = run(folder_.path(), "train --device cpu --model small.json --data empty");
  EXPECT_EQ(empty.code, 3);
  EXPECT_THAT(empty.errors, HasSubstr("empty: no sub-folders; a folder with one sub-folder a class"));
  EXPECT_EQ(run(folder_.path(), "train --model small.json").code, 2) << "it draws no pictures";
}

TEST(NearNames, TheNearestFirst) {
  std::vector<std::string> names{"conv1_conv", "conv1_bn", "pool1_pool", "conv2_conv"};
  EXPECT_THAT(near_names("conv1_cnv", names, 2, 3),
              testing::ElementsAre("conv1_conv", "conv1_bn", "conv2_conv"));
  EXPECT_THAT(near_names("pool", names, 2, 3), testing::ElementsAre("pool1_pool"));
  EXPECT_TRUE(near_names("xyz", names, 2, 3).empty());
}

}  // namespace
}  // namespace manul
