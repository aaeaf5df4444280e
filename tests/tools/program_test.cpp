// What all programs share, tried on the smallest ones.
#include <gmock/gmock.h>

#include "manul/framework/error.h"
#include "manul/tests/tools/run.h"
#include "manul/tools/support/memory.h"

namespace manul {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Program, WrongOptionIsUsageAndNamesTheRightOne) {
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "vector_add --reapets 3");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.output, "");
  EXPECT_THAT(outcome.errors, HasSubstr("Did you mean --repeats"));
  EXPECT_EQ(run(folder.path(), "vector_add --n many").code, 2);
  EXPECT_EQ(run(folder.path(), "vector_add --n 0").code, 2);
  EXPECT_EQ(run(folder.path(), "vector_add --threads -1").code, 2);
  EXPECT_EQ(run(folder.path(), "vector_add --device gpu").code, 2);
}

TEST(Program, MissingDeviceIsFive) {
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "vector_add --device cuda:97");
  EXPECT_EQ(outcome.code, 5);
  EXPECT_THAT(outcome.errors, HasSubstr("cuda:97 cannot be used"));
}

TEST(Program, HelpStartsWithExamplesAndVersionTellsTheBuild) {
  TemporaryFolder folder;
  for (const char* name : {"vector_add", "mandelbrot", "train_catdog", "predict"}) {
    Outcome help = run(folder.path(), std::string(name) + " --help");
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.output, StartsWith("Examples:\n  " + std::string(name)));
    Outcome version = run(folder.path(), std::string(name) + " --version");
    EXPECT_EQ(version.code, 0);
    EXPECT_THAT(version.output, StartsWith("manul "));
  }
}

TEST(Program, WhatMemoryCannotHoldIsRefusedWithBothNumbers) {
  EXPECT_GT(available_memory(), 0);
  require_memory("a picture", 1);
  try {
    require_memory("a picture", int64_t{1} << 60);
    ADD_FAILURE() << "no machine has that much";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), StartsWith("a picture: 1152921504.6 GB of memory are needed, and "));
    EXPECT_EQ(error.exit_code(), 1);
  }
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "vector_add --device cpu --n 1000000000000");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors,
              StartsWith("vector_add: 1000000000000 elements: 12000.0 GB of memory are needed, and "));
}

TEST(Program, FullDiskBehindStdoutIsAFailure) {
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "vector_add --device cpu > /dev/full");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("could not be written"));
}

}  // namespace
}  // namespace manul
