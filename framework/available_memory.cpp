#include "manul/framework/available_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace manul {
namespace {

namespace fs = std::filesystem;

constexpr int64_t unlimited = std::numeric_limits<int64_t>::max();

/// The numbers of a file of lines "KEY VALUE .." that have one of these keys, added up.
int64_t sum_of(const fs::path& file, std::initializer_list<std::string_view> keys) {
  std::ifstream lines(file);
  int64_t sum = 0;
  std::string key;
  for (int64_t value = 0; lines >> key >> value; lines.ignore(unlimited, '\n'))
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) sum += value;
  return sum;
}

/// The number in a file; nothing if there is none, or "max".
std::optional<int64_t> number_in(const fs::path& file) {
  std::ifstream stream(file);
  int64_t number = 0;
  return stream >> number ? std::optional(number) : std::nullopt;
}

/// What version 1 and 2 call the same things.
struct Names {
  const char *limit, *used, *inactive, *active;
};
constexpr Names version1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
                         "total_active_file"};
constexpr Names version2{"memory.max", "memory.current", "inactive_file", "active_file"};

/// How much the group may still take; the file cache that is counted as its own is given back when it is
/// needed.
int64_t room_of(const fs::path& group, const Names& names, int64_t free_swap) {
  std::optional<int64_t> limit = number_in(group / names.limit);
  if (!limit || *limit >= unlimited / 2) return unlimited;
  int64_t room = *limit - number_in(group / names.used).value_or(0) +
                 sum_of(group / "memory.stat", {names.inactive, names.active});
  if (fs::path swap = group / "memory.swap.max"; number_in(group / "memory.swap.current")) {
    int64_t left = number_in(swap).value_or(unlimited) - number_in(group / "memory.swap.current").value_or(0);
    room += std::clamp<int64_t>(left, 0, free_swap);
  }
  return std::max<int64_t>(room, 0);
}

/// A hierarchy of control groups: where it is mounted, and which of its groups is seen there.
struct Mount {
  fs::path point, root;
  bool is_version2 = false;
};

/// The hierarchies that count memory. A line of mountinfo: id, parent, device, root, mount point, options,
/// optional fields, "-", type, source, options of the type.
std::vector<Mount> memory_mounts(const fs::path& root) {
  std::vector<Mount> mounts;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string skipped, seen_root, point, word, type, source, options;
    words >> skipped >> skipped >> skipped >> seen_root >> point;
    while (words >> word && word != "-") {
    }
    words >> type >> source >> options;
    bool counts = type == "cgroup2" ||
                  (type == "cgroup" && ("," + options + ",").find(",memory,") != std::string::npos);
    if (counts) mounts.push_back({root / fs::path(point).relative_path(), seen_root, type == "cgroup2"});
  }
  return mounts;
}

/// The path of the process' own group in a hierarchy. A line of /proc/self/cgroup: number, controllers, path;
/// version 2 has number 0 and no controllers.
fs::path own_group(const fs::path& root, bool is_version2) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    if (is_version2 ? controllers.empty() : ("," + controllers + ",").find(",memory,") != std::string::npos)
      return line.substr(second + 1);
  }
  return "/";
}

/// The smallest room of the process' group and of all those that it lies in.
int64_t group_room(const fs::path& root, int64_t free_swap) {
  int64_t room = unlimited;
  for (const Mount& mount : memory_mounts(root)) {
    fs::path below = own_group(root, mount.is_version2).lexically_relative(mount.root);
    if (below.empty() || *below.begin() == "..") below = ".";
    fs::path group = mount.point;
    const Names& names = mount.is_version2 ? version2 : version1;
    room = std::min(room, room_of(group, names, free_swap));
    for (const fs::path& name : below) {
      group /= name;
      room = std::min(room, room_of(group, names, free_swap));
    }
  }
  return room;
}

}  // namespace

int64_t available_memory(const fs::path& root) {
  constexpr int kib = 10;
  int64_t free = sum_of(root / "proc/meminfo", {"MemAvailable:"}) << kib;
  int64_t swap = sum_of(root / "proc/meminfo", {"SwapFree:"}) << kib;
  return std::min(free > 0 ? free + swap : unlimited, group_room(root, swap));
}

}  // namespace manul
