#include "manul/tools/support/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "manul/framework/error.h"

namespace manul {

int64_t available_memory() {
  constexpr int64_t unknown = std::numeric_limits<int64_t>::max();
  std::ifstream lines("/proc/meminfo");
  int64_t available = 0;
  std::string key;
  for (int64_t kib = 0; lines >> key >> kib; lines.ignore(unknown, '\n'))
    if (key == "MemAvailable:" || key == "SwapFree:") available += kib << 10;
  if (available == 0) available = unknown;
  std::ifstream container("/sys/fs/cgroup/memory.max");
  int64_t limit = 0;
  return container >> limit ? std::min(available, limit) : available;
}

void require_memory(std::string_view what, int64_t bytes) {
  constexpr double gigabyte = 1e9;
  int64_t available = available_memory();
  check(bytes <= available, "{}: {:.1f} GB of memory are needed, and {:.1f} GB are free", what,
        static_cast<double>(bytes) / gigabyte, static_cast<double>(available) / gigabyte);
}

}  // namespace manul
