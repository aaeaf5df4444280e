#include "manul/framework/atomic_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <utility>

#include "manul/framework/file_system.h"
#include "manul/framework/system_call.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

/// How the names of a target's temporary files begin. A long name is cut, so that they are not too long for
/// the file system, and told from others like it by a number.
std::string prefix_of(const fs::path& target) {
  constexpr size_t most = 200;  // of the 255 bytes that names may have
  std::string name = target.filename().string();
  if (name.size() > most) name = fmt::format("{}.{:x}", name.substr(0, most), std::hash<std::string>()(name));
  return fmt::format(".{}.", name);
}

/// Removes the temporary files of processes that were killed: those that nobody holds locked.
void remove_leftovers(const fs::path& target) {
  DIR* folder = ::opendir(target.parent_path().c_str());
  if (!folder) return;
  std::string prefix = prefix_of(target);
  while (const dirent* entry = ::readdir(folder)) {
    std::string_view name = entry->d_name;
    if (!name.starts_with(prefix) || !name.ends_with(".tmp")) continue;
    int file = retried([&] {
      return ::openat(::dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    });
    if (file < 0) continue;
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) ::unlinkat(::dirfd(folder), entry->d_name, 0);
    ::close(file);
  }
  ::closedir(folder);
}

/// A file that is removed again unless it is renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : target_(target) {
    struct stat status {};
    bool exists = ::stat(target.c_str(), &status) == 0;
    if (exists && S_ISDIR(status.st_mode))
      fail(ErrorKind::failed, "{}: is a folder, not a file", target.string());
    if (exists && !S_ISREG(status.st_mode))
      fail(ErrorKind::failed, "{}: is not a regular file", target.string());
    exists_ = exists;
    if (!exists && errno != ENOENT) give_up("cannot be written");
    // With the process' number in the name, processes that save to one place do not meet.
    path_ = target.parent_path() / fmt::format("{}{}.tmp", prefix_of(target), ::getpid());
    file_ = retried(
        [&] { return ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666); });
    if (file_ < 0) give_up("no file can be made in its folder");
    ::flock(file_, LOCK_EX | LOCK_NB);
    if (exists) ::fchmod(file_, status.st_mode & 07777);
  }
  ~TemporaryFile() {
    close();
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::string_view content) {
    while (!content.empty()) {
      ssize_t written = retried([&] { return ::write(file_, content.data(), content.size()); });
      if (written < 0) give_up("cannot be written");
      content = content.substr(static_cast<size_t>(written));
    }
    if (retried([&] { return ::fsync(file_); }) != 0) give_up("cannot be made durable");
  }

  /// Asks the file system for room for `bytes`, which is given back when the file is removed. File systems
  /// that give none in advance are asked how much is free.
  void reserve(int64_t bytes) {
    if (bytes <= 0 || retried([&] { return ::fallocate(file_, 0, 0, bytes); }) == 0) return;
    int reason = errno;
    struct statvfs space {};
    bool known = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
    if (!known && ::fstatvfs(file_, &space) == 0 &&
        static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize) <
            static_cast<double>(bytes))
      reason = ENOSPC, known = true;
    if (known) give_up(fmt::format("there is no room for its {} bytes", bytes), reason);
  }

  void rename_to_target() {
    if (!close()) give_up("cannot be written");
    if (::rename(path_.c_str(), target_.c_str()) != 0) give_up("cannot be replaced");
    path_.clear();
  }

 private:
  bool close() {
    int file = std::exchange(file_, -1);
    return file < 0 || ::close(file) == 0;
  }

  [[noreturn]] void give_up(std::string_view what, int reason = errno) const {
    fail(ErrorKind::failed, "{}: {}: {}; {}", target_.string(), what, std::strerror(reason),
         exists_ ? "the file that was there is unchanged" : "no file was written");
  }

  fs::path target_, path_;
  bool exists_ = false;
  int file_ = -1;
};

/// Without this the new name may be lost with the power; not every file system can, so errors do not count.
void make_folder_durable(const fs::path& folder) {
  int file = retried([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (file < 0) return;
  retried([&] { return ::fsync(file); });
  ::close(file);
}

}  // namespace

void write_file_atomically(const std::string& path, std::string_view content) {
  fs::path target = link_target(path, ErrorKind::failed);
  remove_leftovers(target);
  TemporaryFile file(target);
  file.write(content);
  file.rename_to_target();
  make_folder_durable(target.parent_path());
}

void require_writable(const std::string& path, int64_t bytes) {
  TemporaryFile(link_target(path, ErrorKind::failed)).reserve(bytes);
}

}  // namespace manul
