#include "manul/framework/cuda/library.h"

#include <dlfcn.h>

#include "manul/framework/error.h"

namespace manul::cuda {

Library::Library(std::string title, const std::vector<std::string>& names) : title_(std::move(title)) {
  std::string reason;
  for (const std::string& name : names) {
    library_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library_) return;
    reason = dlerror();
  }
  fail(ErrorKind::device, "cuda: {} cannot be loaded ({}): install it or name its folder in LD_LIBRARY_PATH",
       title_, reason);
}

void* Library::address(const char* name) const {
  void* address = dlsym(library_, name);
  if (!address)
    fail(ErrorKind::device, "cuda: the {} that was loaded has no {}: it is too old", title_, name);
  return address;
}

}  // namespace manul::cuda
