#include "manul/framework/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "manul/framework/error.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

std::string prefix_of(const fs::path& target) {
  return fmt::format(".{}.", target.filename().string());
}

/// Removes the temporary files of processes that were killed: those that nobody holds locked.
void remove_leftovers(const fs::path& target) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(target.parent_path(), error)) {
    std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix_of(target)) || !name.ends_with(".tmp")) continue;
    int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) continue;
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
    ::close(file);
  }
}

/// A file that is removed again unless it is renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : target_(target) {
    struct stat status {};
    bool exists = ::stat(target.c_str(), &status) == 0;
    if (exists && !S_ISREG(status.st_mode))
      fail(ErrorKind::failed, "{}: is not a regular file", target.string());
    // With the process' number in the name, processes that save to one place do not meet.
    path_ = target.parent_path() / fmt::format("{}{}.tmp", prefix_of(target), ::getpid());
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
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
      ssize_t written = ::write(file_, content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) give_up("cannot be written");
      content = content.substr(static_cast<size_t>(written));
    }
    if (::fsync(file_) != 0) give_up("cannot be made durable");
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

  [[noreturn]] void give_up(const char* what) const {
    const char* reason = std::strerror(errno);  // before anything else may change it
    fail(ErrorKind::failed, "{}: {}: {}; {}", target_.string(), what, reason,
         fs::exists(target_) ? "the file that was there is unchanged" : "no file was written");
  }

  fs::path target_, path_;
  int file_ = -1;
};

/// Without this the new name may be lost with the power; not every file system can, so errors do not count.
void make_folder_durable(const fs::path& folder) {
  int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
}

}  // namespace

void write_file_atomically(const std::string& path, std::string_view content) {
  std::error_code error;
  fs::path target = fs::is_symlink(path, error) ? fs::weakly_canonical(path) : fs::absolute(path);
  remove_leftovers(target);
  TemporaryFile file(target);
  file.write(content);
  file.rename_to_target();
  make_folder_durable(target.parent_path());
}

}  // namespace manul
