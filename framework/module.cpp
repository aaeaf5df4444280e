#include "manul/framework/module.h"

#include <dlfcn.h>
#include <link.h>

#include <cstddef>
#include <vector>

#include "manul/framework/file_system.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

/// Where the dynamic linker looks for libraries of the file that this code is in: its RUNPATH, as the
/// package's users have it, LD_LIBRARY_PATH, and the system's folders.
std::vector<fs::path> linker_folders(void* object) {
  Dl_serinfo size{};
  if (!object || ::dlinfo(object, RTLD_DI_SERINFOSIZE, &size) != 0) return {};
  std::vector<std::max_align_t> room(size.dls_size / sizeof(std::max_align_t) + 1);
  auto* found = reinterpret_cast<Dl_serinfo*>(room.data());
  found->dls_size = size.dls_size;
  found->dls_cnt = size.dls_cnt;
  std::vector<fs::path> folders;
  if (::dlinfo(object, RTLD_DI_SERINFO, found) != 0) return {};
  const Dl_serpath* paths = found->dls_serpath;
  for (unsigned i = 0; i < found->dls_cnt; ++i) folders.emplace_back(paths[i].dls_name);
  return folders;
}

std::vector<fs::path> companion_folders() {
  fs::path program = program_folder();
  std::vector<fs::path> folders = {program, program / "lib", program / ".." / "lib"};
  void* object = ::dlopen(nullptr, RTLD_NOW);
  Dl_info self{};
  if (::dladdr(reinterpret_cast<const void*>(&companion_folders), &self) != 0 && self.dli_fname) {
    // Null where Manul is linked to the program: its name is not that of a library.
    if (void* library = ::dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD)) {
      object = library;
      folders.push_back(fs::path(self.dli_fname).parent_path());
    }
  }
  folders.emplace_back(MANUL_LIBRARY_FOLDER);
  for (fs::path& folder : linker_folders(object)) folders.push_back(std::move(folder));
  return folders;
}

}  // namespace

fs::path find_companion(const std::string& name) {
  for (const fs::path& folder : companion_folders())
    if (fs::path file = folder / name; folder.is_absolute() && is_file(file)) return file;
  return {};
}

void* module_function(const std::string& name, const char* symbol, std::string& reason) {
  fs::path file = find_companion(name);
  if (file.empty()) {
    reason = name + ", which belongs to Manul, was not built or is not found";
    return nullptr;
  }
  void* module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* function = module ? ::dlsym(module, symbol) : nullptr;
  if (!function) reason = ::dlerror();
  return function;
}

}  // namespace manul
