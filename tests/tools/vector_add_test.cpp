#include <gmock/gmock.h>

#include "manul/tests/tools/run.h"

namespace manul {
namespace {

using testing::HasSubstr;

TEST(VectorAdd, AddsTheSixIntegers) {
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "vector_add --device cpu");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output, "c[0] = 8\nc[1] = 10\nc[2] = 12\nc[3] = 14\nc[4] = 16\nc[5] = 18\n");
  EXPECT_EQ(outcome.errors, "");
}

TEST(VectorAdd, AddsManyFloatsAndMeasures) {
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "vector_add --device cpu -n 1000003 --repeats 3");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("1000003 elements on cpu, every sum checked\n"));
  EXPECT_THAT(outcome.output, HasSubstr(" GB/s (two vectors read, one written)\n"));
  EXPECT_THAT(outcome.output, HasSubstr(" GB/s (one read, one written), for comparison\n"));
}

}  // namespace
}  // namespace manul
