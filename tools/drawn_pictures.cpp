#include "tools/drawn_pictures.h"

#include <unistd.h>

#include <cstdlib>

#include "data/synthetic.h"
#include "framework/error.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

fs::path cache_folder() {
  for (auto [variable, below] : {std::pair{"XDG_CACHE_HOME", ""}, std::pair{"HOME", ".cache"}})
    if (const char* value = std::getenv(variable); value && *value) return fs::path(value) / below / "manul";
  return fs::temp_directory_path() / "manul";
}

}  // namespace

fs::path drawn_pictures(const std::function<void(int64_t done, int64_t total)>& on_progress) {
  fs::path folder = cache_folder() / "cats_and_dogs";
  std::error_code ignored;  // what stands in the way is told when the folder is made
  if (fs::exists(folder, ignored)) return folder / "training_set";
  // Drawn under another name first: a folder of that name is always complete.
  fs::path unfinished = folder.string() + fmt::format(".{}", getpid());
  try {
    write_synthetic(unfinished, {.training = 4000, .test = 1000, .on_progress = on_progress});
    fs::rename(unfinished, folder);
  } catch (const fs::filesystem_error& error) {
    if (!fs::exists(folder, ignored)) fail(ErrorKind::failed, "drawn pictures: {}", error.what());
    fs::remove_all(unfinished, ignored);  // another process was faster
  }
  return folder / "training_set";
}

}  // namespace manul
