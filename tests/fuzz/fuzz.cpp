#include "manul/tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "manul/framework/error.h"

namespace manul::fuzz {
namespace {

std::vector<Target>& table() {
  static std::vector<Target> all;
  return all;
}

}  // namespace

const std::vector<Target>& targets() {
  return table();
}

Registration::Registration(Target target) {
  table().push_back(std::move(target));
}

void accept_or_refuse(const std::function<void()>& body) {
  constexpr size_t longest = 4096;
  try {
    body();
  } catch (const Error& error) {
    size_t length = std::string_view(error.what()).size();
    if (length > longest)
      throw std::length_error("an error of " + std::to_string(length) + " bytes is no sentence");
  }
}

MemoryFile::MemoryFile(Bytes bytes) : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
  check(descriptor_ >= 0 &&
            ::write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
        "fuzz: no memory for a file of {} bytes", bytes.size());
}

MemoryFile::~MemoryFile() {
  ::close(descriptor_);
}

std::string MemoryFile::path() const {
  return "/proc/self/fd/" + std::to_string(descriptor_);
}

}  // namespace manul::fuzz
