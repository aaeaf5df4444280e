#include "manul/framework/atomic_file.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "manul/framework/error.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class AtomicFile : public testing::Test {
 protected:
  std::string content() const { return read_file(path_); }
  int64_t files() const { return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()); }
  /// The error of a write that must fail.
  std::string failure(const std::string& bytes) const {
    try {
      write_file_atomically(path_, bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::failed);
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
  std::string path_ = folder_ / "model.h5";
};

TEST_F(AtomicFile, WritesAndReplaces) {
  write_file_atomically(path_, "first");
  EXPECT_EQ(content(), "first");
  ::chmod(path_.c_str(), 0640);
  write_file_atomically(path_, "second, longer");
  EXPECT_EQ(content(), "second, longer");
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms(0640));
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFile, RelativePath) {
  fs::path before = fs::current_path();
  fs::current_path(folder_);
  write_file_atomically("model.h5", "here");
  fs::current_path(before);
  EXPECT_EQ(content(), "here");
}

TEST_F(AtomicFile, ASymbolicLinkStays) {
  write_file_atomically(path_, "old");
  fs::path link = folder_ / "latest.h5";
  fs::create_symlink("model.h5", link);
  write_file_atomically(link, "new");
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(content(), "new");
}

TEST_F(AtomicFile, AFullDiskLeavesTheOldFile) {
  write_file_atomically(path_, "old");
  pid_t child = ::fork();
  if (child == 0) {  // the limit on a file's size stands for the disk; it cannot be raised again
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{1 << 16, 1 << 16};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto fails_with = [&](const char* text) {
      return failure(std::string(1 << 20, 'x')).find(text) != std::string::npos;
    };
    bool as_wanted = fails_with("cannot be written: File too large; the file that was there is unchanged");
    path_ = folder_ / "new.h5";
    as_wanted = fails_with("cannot be written: File too large; no file was written") && as_wanted;
    ::_exit(as_wanted ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFile, AFolderThatIsNotThereOrNotWritable) {
  path_ = folder_ / "missing" / "model.h5";
  EXPECT_THAT(failure("x"),
              HasSubstr("model.h5: no file can be made in its folder: No such file or directory; "
                        "no file was written"));
  path_ = "/proc/model.h5";
  EXPECT_THAT(failure("x"), HasSubstr("no file can be made in its folder"));
  path_ = folder_;
  EXPECT_THAT(failure("x"), HasSubstr("is a folder, not a file"));
  path_ = "/dev/null";
  EXPECT_THAT(failure("x"), HasSubstr("is not a regular file"));
}

TEST_F(AtomicFile, TheLongestNameCanBeWritten) {
  path_ = folder_ / (std::string(252, 'n') + ".h5");
  write_file_atomically(path_, "first");
  write_file_atomically(path_, "second");
  EXPECT_EQ(content(), "second");
  path_ = folder_ / (std::string(253, 'n') + ".h5");
  EXPECT_THAT(failure("x"), HasSubstr("File name too long; no file was written"));
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFile, WhatCannotBeWrittenIsKnownBefore) {
  auto problem = [](const std::string& path, int64_t bytes = 0) -> std::string {
    try {
      require_writable(path, bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::failed);
      return error.what();
    }
    return "";
  };
  fs::path link = folder_ / "itself.h5", away = folder_ / "away.h5";
  fs::create_symlink("itself.h5", link);
  fs::create_symlink("missing/model.h5", away);
  EXPECT_EQ(problem(path_, 1000), "");
  EXPECT_EQ(files(), 2) << "nothing is left";
  EXPECT_THAT(problem(link), HasSubstr("itself.h5: is a link that leads to itself"));
  EXPECT_THAT(problem(away), HasSubstr("no file can be made in its folder: No such file or directory"));
  EXPECT_THAT(problem("/proc/model.h5"), HasSubstr("no file can be made in its folder"));
  EXPECT_THAT(problem("/dev/null"), HasSubstr("is not a regular file"));
  EXPECT_THAT(problem(path_, int64_t{1} << 55),
              HasSubstr("there is no room for its 36028797018963968 bytes"));
  write_file_atomically(path_, "old");
  EXPECT_EQ(problem(path_, 1000), "");
  EXPECT_EQ(content(), "old");
}

TEST_F(AtomicFile, KilledAtAnyMomentOneFileIsWhole) {
  const std::string old_bytes(3 << 20, 'o'), new_bytes(5 << 20, 'n');
  for (int run = 0; run < 60; ++run) {
    write_file_atomically(path_, old_bytes);
    pid_t child = ::fork();
    if (child == 0) {
      for (;;) {
        write_file_atomically(path_, new_bytes);
        write_file_atomically(path_, old_bytes);
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100 + run * 397 % 20'000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    std::string found = content();
    ASSERT_TRUE(found == old_bytes || found == new_bytes) << run << ": " << found.size();
  }
  write_file_atomically(path_, old_bytes);
  EXPECT_EQ(files(), 1);  // what the killed ones left is gone
}

}  // namespace
}  // namespace manul
