#include "manul/tools/support/drawn_pictures.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>

#include "manul/data/synthetic/synthetic.h"
#include "manul/framework/file_system.h"
#include "manul/framework/system_call.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

fs::path cache_folder() {
  for (auto [variable, below] : {std::pair{"XDG_CACHE_HOME", ""}, std::pair{"HOME", ".cache"}})
    if (const char* value = std::getenv(variable); value && *value) return fs::path(value) / below / "manul";
  return temporary_folder() / "manul";
}

/// Holds a folder for as long as its process lives.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : descriptor_(
            retried([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW); })),
        locked_(descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) {}
  ~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool locked() const { return locked_; }

 private:
  int descriptor_;
  bool locked_;
};

/// Removes what killed processes had begun to draw: unfinished folders that nobody holds.
void remove_leftovers(const fs::path& folder) {
  for (const FolderEntry& entry : list_folder(folder.parent_path(), ErrorKind::failed))
    if (entry.path.filename().native().starts_with(folder.filename().native() + ".") &&
        FolderLock(entry.path).locked())
      remove_tree(entry.path);
}

void draw(const fs::path& unfinished, const fs::path& folder, const SyntheticOptions& options) {
  try {
    make_folders(unfinished, ErrorKind::failed);
    FolderLock lock(unfinished);
    remove_leftovers(folder);
    write_synthetic(unfinished, options);
    rename_path(unfinished, folder, ErrorKind::failed);
  } catch (const Error&) {
    remove_tree(unfinished);
    if (!is_folder(folder)) throw;  // otherwise another process was faster
  }
}

}  // namespace

fs::path drawn_pictures(const std::function<void(int64_t done, int64_t total)>& on_progress,
                        const std::atomic<bool>& stop) {
  fs::path folder = cache_folder() / "cats_and_dogs";
  try {
    if (file_type(folder, ErrorKind::failed) == FileType::missing) {
      // Drawn under another name first: a folder of that name is always complete.
      draw(folder.string() + fmt::format(".{}", ::getpid()), folder,
           {.training = 4000, .test = 1000, .on_progress = on_progress, .stop = &stop});
    }
  } catch (const Error& error) {
    fail(ErrorKind::failed, "drawn pictures: {}; XDG_CACHE_HOME chooses another place", error.what());
  }
  return folder / "training_set";
}

}  // namespace manul
