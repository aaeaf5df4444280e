#include "manul/framework/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <regex>

#include "manul/framework/file_system.h"
#include "manul/tests/error_of.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;

TEST(InputFile, ReadsAPartOrAllOfOneFile) {
  TemporaryFolder folder;
  write_file(folder / "a", "0123456789");
  InputFile file(folder / "a", ErrorKind::data);
  fs::rename(folder / "a", folder / "b");
  write_file(folder / "a", "another");
  EXPECT_EQ(file.size(), 10);
  char part[4] = {};
  EXPECT_EQ(file.read(8, part, 4), 2);
  EXPECT_EQ(std::string(part), "89");
  EXPECT_EQ(file.read_all(10).size(), 10);
  EXPECT_THAT(error_of([&] { file.read_all(9); }), EndsWith("/a: has 10 bytes; at most 9 are read"));
  EXPECT_TRUE(file.stamp() == InputFile(folder / "b", ErrorKind::data).stamp());
  EXPECT_FALSE(file.stamp() == InputFile(folder / "a", ErrorKind::data).stamp());
}

TEST(InputFile, WhatIsNoFileIsRefusedWithoutWaiting) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_symlink("loop", folder / "loop");
  auto error = [&](const fs::path& path) { return error_of([&] { InputFile file(path, ErrorKind::data); }); };
  EXPECT_THAT(error(folder / "pipe"), EndsWith("/pipe: is not a regular file"));
  EXPECT_THAT(error(folder.path()), EndsWith(": is a folder, not a file"));
  EXPECT_EQ(error("/dev/zero"), "/dev/zero: is not a regular file");
  EXPECT_THAT(error(folder / "loop"), EndsWith("/loop: cannot be read: Too many levels of symbolic links"));
  EXPECT_THAT(error(folder / "missing"), EndsWith("/missing: cannot be read: No such file or directory"));
  EXPECT_THAT(error(folder / std::string(300, 'n')), EndsWith(": cannot be read: File name too long"));
}

TEST(FileSystem, TellsNoneFromUnknown) {
  TemporaryFolder folder;
  fs::create_symlink("loop", folder / "loop");
  fs::create_symlink("nowhere", folder / "dangling");
  write_file(folder / "file", "");
  EXPECT_EQ(file_type(folder / "file", ErrorKind::data), FileType::file);
  EXPECT_EQ(file_type(folder.path(), ErrorKind::data), FileType::folder);
  EXPECT_EQ(file_type("/dev/null", ErrorKind::data), FileType::other);
  EXPECT_EQ(file_type(folder / "missing", ErrorKind::data), FileType::missing);
  EXPECT_EQ(file_type(folder / "dangling", ErrorKind::data), FileType::missing);
  EXPECT_EQ(file_type(folder / "file/below", ErrorKind::data), FileType::missing);
  EXPECT_THAT(error_of([&] { file_type(folder / "loop", ErrorKind::data); }),
              EndsWith("/loop: Too many levels of symbolic links"));
  EXPECT_FALSE(is_folder(folder / "loop"));
  EXPECT_FALSE(is_same_file(folder / "loop", folder / "loop"));
}

TEST(FileSystem, FollowsLinksToWhereAFileWouldLie) {
  TemporaryFolder folder;
  fs::create_symlink("second", folder / "first");
  fs::create_symlink("new.h5", folder / "second");
  fs::create_symlink("loop", folder / "loop");
  EXPECT_EQ(link_target(folder / "first", ErrorKind::data), fs::canonical(folder.path()) / "new.h5");
  EXPECT_THAT(error_of([&] { link_target(folder / "loop", ErrorKind::data); }),
              EndsWith("/loop: is a link that leads to itself"));
}

TEST(FileSystem, ListsByBytesAndNamesWhatCannotBeRead) {
  TemporaryFolder folder;
  for (const char* name : {"b", "B", "a", "\xff"}) write_file(folder / name, "");
  std::string names;
  for (const FolderEntry& entry : list_folder(folder.path(), ErrorKind::data))
    names += entry.path.filename().string();
  EXPECT_EQ(names, "Bab\xff");
  EXPECT_THAT(error_of([&] { list_folder(folder / "a", ErrorKind::data); }),
              HasSubstr("/a: the folder cannot be read"));
  EXPECT_THAT(error_of([&] { make_folders(folder / "a/below", ErrorKind::data); }),
              HasSubstr("/a/below: the folder cannot be made: "));
}

TEST(FileSystem, BytesThatDoNotFitLeaveNoFile) {
  TemporaryFolder folder;
  pid_t child = ::fork();
  if (child == 0) {  // the limit cannot be raised again
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_bytes(folder / "a", std::vector<uint8_t>(2000));
    } catch (const Error& error) {
      ::_exit(std::string(error.what()).ends_with("/a: cannot be written: File too large") ? 0 : 1);
    }
    ::_exit(2);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(fs::exists(folder / "a"));
}

/// A named pipe stands for devices, which a test must not risk.
TEST(FileSystem, OnlyAFileIsRemovedAgain) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  int reader = ::open((folder / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
  EXPECT_THROW(write_bytes(folder / "pipe", std::vector<uint8_t>(1 << 20)), Error)
      << "nobody takes that much";
  ::close(reader);
  EXPECT_TRUE(fs::exists(folder / "pipe"));
}

/// std::filesystem's errors are no sentences, and streams do not say why they fail.
TEST(FileSystem, AllOfTheLibraryAndTheProgramsGoThroughIt) {
  // A function of std::filesystem, other than the type path; or a stream that opens a file.
  std::regex wanted(
      "(fs|filesystem)::(exists|is_[a-z_]+|status|absolute|(weakly_)?canonical|equivalent|create_[a-z_]+|"
      "rename|"
      "remove|remove_all|file_size|last_write_time|(recursive_)?directory_(iterator|entry)|read_symlink|"
      "temp_directory_path|copy[a-z_]*|current_path|space|resize_file|permissions)\\b|\\b(i|o)?fstream\\b[^>]"
      "*$|\\bfopen\\(");
  for (const char* name : {"framework", "ops", "layers", "data", "models", "tools"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(MANUL_SOURCE_DIR) / name)) {
      std::string path = entry.path().lexically_relative(MANUL_SOURCE_DIR).string();
      bool source = path.ends_with(".cpp") || path.ends_with(".h");
      // The wall itself, /proc and /sys, and a program that measures.
      if (!source || path == "framework/file_system.cpp" || path == "framework/available_memory.cpp" ||
          path == "tools/programs/bench.cpp")
        continue;
      std::ifstream lines(entry.path());
      int number = 0;
      for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.starts_with("#include") || line.find("//") != std::string::npos) continue;
        EXPECT_FALSE(std::regex_search(line, wanted)) << path << ":" << number << ": " << line;
      }
    }
  }
}

}  // namespace
}  // namespace manul
