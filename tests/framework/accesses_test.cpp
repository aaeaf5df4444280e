#ifdef MANUL_WITH_CUDA

#include "manul/framework/cuda/accesses.h"

#include <gtest/gtest.h>

// Which memory the next kernel may use before the last one is done. Needs no GPU: the addresses are only
// compared.
namespace manul::cuda {
namespace {

class AccessesTest : public ::testing::Test {
 protected:
  /// An op that reads the first half of `memory`, writes the second one and starts a kernel.
  void run_op() {
    accesses.begin_op();
    accesses.note(memory, 50, false);
    accesses.note(memory + 50, 50, true);
    accesses.note_launch();
    accesses.end_op();
  }
  size_t readable() const { return accesses.readable_from(memory, 200); }
  size_t writable() const { return accesses.writable_from(memory, 200); }

  char memory[200] = {};
  Accesses accesses;
};

TEST_F(AccessesTest, WhatNobodyUsesIsFree) {
  EXPECT_EQ(readable(), 0U);
  run_op();
  EXPECT_EQ(accesses.writable_from(memory + 100, 100), 0U);
}

TEST_F(AccessesTest, WhatTheLastKernelWritesIsNotRead) {
  run_op();
  EXPECT_EQ(readable(), 100U) << "from behind what was written on";
  EXPECT_EQ(accesses.readable_from(memory, 50), 0U) << "two may read";
  EXPECT_EQ(accesses.readable_from(memory + 40, 20), 20U);
}

TEST_F(AccessesTest, WhatTheLastKernelReadsIsNotWritten) {
  run_op();
  EXPECT_EQ(accesses.writable_from(memory, 50), 50U);
  EXPECT_EQ(writable(), 100U);
}

TEST_F(AccessesTest, AKernelThatHasBegunSaysThatTheOneBeforeIsDone) {
  run_op();
  accesses.begin_op();
  EXPECT_EQ(readable(), 100U) << "the second op has started nothing yet";
  accesses.note_launch();
  EXPECT_EQ(readable(), 0U);
  accesses.end_op();
  EXPECT_EQ(writable(), 0U);
}

TEST_F(AccessesTest, AnOpWithoutAKernelChangesNothing) {
  run_op();
  accesses.begin_op();
  accesses.note(memory + 100, 100, true);
  accesses.end_op();
  EXPECT_EQ(readable(), 100U);
}

TEST_F(AccessesTest, TheSecondKernelOfAnOpMayNotUseWhatTheFirstOneMay) {
  accesses.begin_op();
  accesses.note(memory, 100, true);
  EXPECT_EQ(readable(), 0U);
  accesses.note_launch();
  EXPECT_EQ(readable(), 100U);
  accesses.end_op();
  EXPECT_EQ(readable(), 100U);
}

TEST_F(AccessesTest, OpsThatRunAtTheSameTimeCountAsOne) {
  accesses.begin_op();
  accesses.note(memory, 100, true);
  run_op();  // of another thread, or called by the first op
  EXPECT_EQ(readable(), 100U);
  accesses.end_op();
  EXPECT_EQ(readable(), 100U) << "the first op may start its kernel last";
}

TEST_F(AccessesTest, NobodyKnowsWhatALibraryOrALaunchOutsideAnOpUses) {
  accesses.note_launch();
  EXPECT_EQ(readable(), 200U);
  run_op();
  EXPECT_EQ(readable(), 100U);
  accesses.begin_op();
  accesses.note_foreign_launch();
  EXPECT_EQ(readable(), 200U);
  accesses.end_op();
  EXPECT_EQ(writable(), 200U);
}

}  // namespace
}  // namespace manul::cuda

#endif
