#include <cstdlib>
#include <sstream>

#include "manul/tests/tools/train_catdog.h"

// A training whose N-th call of the system fails, or at which it is killed: the old model or the new one is
// whole, and the end is one that the documentation knows. strace lets calls fail. (Not brk, whose error it
// cannot tell: the C library takes any answer for an address.)
namespace manul {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

struct Fault {
  const char *call, *what;  // as strace's --inject has it
};
constexpr Fault faults[] = {
    {"write", "error=ENOSPC"},   {"write", "signal=SIGKILL"},   {"fsync", "error=EIO"},
    {"fsync", "signal=SIGKILL"}, {"rename", "error=EIO"},       {"rename", "signal=SIGKILL"},
    {"openat", "error=EMFILE"},  {"openat", "signal=SIGKILL"},  {"pread64", "error=EIO"},
    {"read", "error=EIO"},       {"close", "error=EIO"},        {"mkdir", "error=ENOSPC"},
    {"getdents64", "error=EIO"}, {"fallocate", "error=ENOSPC"}, {"unlink", "error=EACCES"},
    {"newfstatat", "error=EIO"}, {"mmap", "error=ENOMEM"},      {"munmap", "error=ENOMEM"},
    {"clone3", "error=EAGAIN"},  {"flock", "error=EINTR"},
};

class FailingCalls : public TrainCatdog {
 protected:
  void SetUp() override {
    TrainCatdog::SetUp();
    if (run(folder_.path(), "strace -f -o /dev/null true").code != 0)
      GTEST_SKIP() << "strace is not there, or may not trace";
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "AddressSanitizer has calls of its own";
#endif
    run(folder_.path(),
        "mkdir -p few/cats few/dogs && cp training_set/cats/cat.[1-4].jpg few/cats && cp "
        "training_set/dogs/dog.[1-4].jpg few/dogs");
  }

  /// How often a line of shell calls each of the calls.
  std::string counts(const std::string& line) {
    run(folder_.path(), "strace -f -c -o counts " + line);
    return model("counts");
  }
  static int count_of(const std::string& counts, const std::string& call) {
    std::istringstream lines(counts);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream fields(line);
      std::string share, seconds, each, name;
      int count = 0;
      fields >> share >> seconds >> each >> count;
      while (fields >> name) {
      }
      if (name == call) return count;
    }
    return 0;
  }

  const std::string few_ =
      "train_catdog --device cpu --threads 1 --workers 1 --data few --no-validation --epochs 1 --batch 4 ";
};

/// Some of all; with MANUL_EVERY_FAULT=1 each of some two thousand.
TEST_F(FailingCalls, LeaveAWholeModelAndAKnownEnd) {
  ASSERT_EQ(run(folder_.path(), few_ + "--seed 7 --output old.h5").code, 0);
  ASSERT_EQ(run(folder_.path(), few_ + "--output new.h5").code, 0);
  std::string old_model = model("old.h5"), new_model = model("new.h5");
  // What the loader calls comes first, in any program.
  std::string of_loader = counts("train_catdog --version"), of_training = counts(few_ + "--output m.h5");
  bool each = std::getenv("MANUL_EVERY_FAULT") != nullptr;
  int runs = 0;
  for (const Fault& fault : faults) {
    int first = count_of(of_loader, fault.call) + 1, last = count_of(of_training, fault.call);
    int step = each ? 1 : std::max(1, (last - first + 1) / 2);
    for (int n = first; n <= last; n += step) {
      SCOPED_TRACE(std::string(fault.call) + " " + fault.what + " " + std::to_string(n));
      run(folder_.path(), "rm -rf runs history.csv .*.tmp; cp old.h5 m.h5");
      Outcome outcome = run(folder_.path(), "timeout -s KILL 60 strace -f -qq -o /dev/null -e inject=" +
                                                std::string(fault.call) + ":" + fault.what +
                                                ":when=" + std::to_string(n) + " " + few_ + "--output m.h5");
      ++runs;
      std::string left = model("m.h5");
      bool skipped = outcome.errors.find("skipped ") != std::string::npos;
      EXPECT_TRUE(left == old_model || left == new_model || skipped) << "the model is neither";
      if (std::string(fault.what).starts_with("signal")) continue;
      EXPECT_THAT(outcome.code, AnyOf(0, 1, 2, 3, 4, 5)) << outcome.errors;
      EXPECT_TRUE(outcome.code != 0 || left == new_model || skipped) << outcome.errors;
      EXPECT_TRUE(outcome.code == 0 || !outcome.errors.empty()) << "it ended without a word";
      EXPECT_THAT(outcome.errors, Not(AnyOf(HasSubstr("filesystem error"), HasSubstr("std::"),
                                            HasSubstr("terminate called"), HasSubstr("basic_"))));
    }
  }
  EXPECT_GT(runs, 30) << "strace counts no calls";
}

/// From the second picture on; the first write is the file's heading.
TEST_F(FailingCalls, AFullDiskEndsTheCacheAndNotTheTraining) {
  ASSERT_EQ(run(folder_.path(), few_ + "--output whole.h5").code, 0);
  for (const char* when : {"1", "4"}) {
    Outcome outcome = run(folder_.path(), "strace -f -qq -o /dev/null -e inject=pwrite64:error=ENOSPC:when=" +
                                              std::string(when) + "+ " + few_ +
                                              "--cache-mb 0 --cache-dir cache --output full.h5");
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.errors,
                HasSubstr("no more decoded pictures can be kept: No space left on device; the "
                          "others are decoded in every epoch"));
  }
  EXPECT_TRUE(model("full.h5") == model("whole.h5"));
}

}  // namespace
}  // namespace manul
