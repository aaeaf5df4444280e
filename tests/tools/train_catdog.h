#pragma once

#include <gmock/gmock.h>

#include "manul/data/synthetic/synthetic.h"
#include "manul/tests/tools/run.h"

namespace manul {

/// A folder with a few drawn cats and dogs, training_set and test_set, to train on.
class TrainCatdog : public testing::Test {
 protected:
  void SetUp() override {
    write_synthetic(folder_.path(), {.training = 50, .test = 10, .size = 64, .on_progress = {}});
  }
  Outcome train(const std::string& arguments) { return run(folder_.path(), program + arguments); }
  /// Trains until the output has `text`, and then runs the commands `then`, for which $pid is the process.
  /// `before` comes first in the same shell. The outcome is that of the training.
  Outcome train_until(const std::string& text, const std::string& then, const std::string& arguments,
                      const std::string& before = "") {
    return run(folder_.path(), before + "rm -f log; " + program + arguments +
                                   " > log & pid=$!; while ! grep -q '" + text +
                                   "' log; do sleep 0.01; done; " + then + "; wait $pid");
  }
  std::string model(const std::string& name) { return read_file(folder_ / name); }

  const std::string program = "train_catdog --device cpu --data training_set ";
  TemporaryFolder folder_;
};

}  // namespace manul
