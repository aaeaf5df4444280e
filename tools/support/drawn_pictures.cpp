#include "manul/tools/support/drawn_pictures.h"

#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "manul/data/synthetic/synthetic.h"
#include "manul/framework/error.h"

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
  std::error_code ignored;  // what stands in the way is reported when the folder is made
  if (fs::exists(folder, ignored)) return folder / "training_set";
  // Drawn under another name first: a folder of that name is always complete.
  fs::path unfinished = folder.string() + fmt::format(".{}", getpid());
  try {
    write_synthetic(unfinished, {.training = 4000, .test = 1000, .on_progress = on_progress});
    fs::rename(unfinished, folder);
  } catch (const std::exception& error) {
    fs::remove_all(unfinished, ignored);
    if (!fs::exists(folder, ignored))  // otherwise another process was faster
      fail(ErrorKind::failed, "drawn pictures: {}; XDG_CACHE_HOME chooses another place", error.what());
  }
  return folder / "training_set";
}

}  // namespace manul
