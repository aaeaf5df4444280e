#include "manul/framework/available_memory.h"

#include <gtest/gtest.h>

#include <limits>

#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

constexpr int64_t mib = 1 << 20;
constexpr const char* unlimited_v1 = "9223372036854771712\n";

/// A root with /proc and /sys of a machine that has 1000 MiB and 100 MiB of swap.
class AvailableMemory : public testing::Test {
 protected:
  void SetUp() override {
    write("proc/meminfo",
          "MemTotal:        9999999 kB\nMemAvailable:    1024000 kB\nSwapFree:         102400 kB\n");
  }
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((root_ / name).parent_path());
    write_file(root_ / name, text);
  }
  void write_mib(const std::string& name, int64_t value) { write(name, std::to_string(value * mib) + "\n"); }
  int64_t available_mib() const { return available_memory(root_.path()) / mib; }

  TemporaryFolder root_;
};

TEST_F(AvailableMemory, IsThatOfTheMachineWithoutGroups) {
  EXPECT_EQ(available_mib(), 1100);
  EXPECT_EQ(available_memory(root_ / "nothing"), std::numeric_limits<int64_t>::max());
}

TEST_F(AvailableMemory, Version2WithTheGroupsAround) {
  write("proc/self/cgroup", "0::/outer/inner\n");
  write("proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
  std::string groups = "sys/fs/cgroup/";
  write(groups + "outer/inner/memory.max", "max\n");
  EXPECT_EQ(available_mib(), 1100);
  write_mib(groups + "outer/memory.max", 500);
  write_mib(groups + "outer/memory.current", 300);
  EXPECT_EQ(available_mib(), 200);
  write(groups + "outer/memory.stat", "anon 5\ninactive_file 10485760\nactive_file 5242880\n");
  EXPECT_EQ(available_mib(), 215) << "the file cache is given back";
  write_mib(groups + "outer/memory.swap.current", 0);
  write(groups + "outer/memory.swap.max", "max\n");
  EXPECT_EQ(available_mib(), 315) << "as far as there is swap";
  write_mib(groups + "outer/memory.swap.max", 20);
  EXPECT_EQ(available_mib(), 235);
  write_mib(groups + "outer/inner/memory.max", 50);
  EXPECT_EQ(available_mib(), 50);
  write_mib(groups + "outer/inner/memory.current", 70);
  EXPECT_EQ(available_mib(), 0);
}

TEST_F(AvailableMemory, Version1WithTheGroupsAround) {
  write("proc/self/cgroup", "5:devices:/elsewhere\n4:cpu,memory:/outer/inner\n0::/\n");
  write("proc/self/mountinfo",
        "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n");
  std::string groups = "sys/fs/cgroup/memory/";
  write(groups + "memory.limit_in_bytes", unlimited_v1);
  write(groups + "outer/inner/memory.limit_in_bytes", unlimited_v1);
  EXPECT_EQ(available_mib(), 1100);
  write_mib(groups + "outer/memory.limit_in_bytes", 400);
  write_mib(groups + "outer/memory.usage_in_bytes", 100);
  write(groups + "outer/memory.stat", "inactive_file 1\ntotal_inactive_file 1048576\n");
  EXPECT_EQ(available_mib(), 301);
  write_mib(groups + "outer/inner/memory.limit_in_bytes", 30);
  EXPECT_EQ(available_mib(), 30);
}

/// A container sees its own group where the hierarchy is mounted, under the name that it has outside.
TEST_F(AvailableMemory, WithinAContainer) {
  write("proc/self/cgroup", "7:memory:/docker/abc/job\n");
  write("proc/self/mountinfo", "40 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  write_mib("sys/fs/cgroup/memory/memory.limit_in_bytes", 256);
  EXPECT_EQ(available_mib(), 256);
  write_mib("sys/fs/cgroup/memory/job/memory.limit_in_bytes", 64);
  EXPECT_EQ(available_mib(), 64);
}

}  // namespace
}  // namespace manul
