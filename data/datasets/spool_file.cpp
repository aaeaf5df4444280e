#include "manul/data/datasets/spool_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "manul/framework/error.h"
#include "manul/framework/file_system.h"
#include "manul/framework/system_call.h"

namespace manul {
namespace {

[[noreturn]] void refuse_spooling() {
  fail(ErrorKind::failed,
       "{}: pictures of packed shards cannot be unpacked to it: {}; TMPDIR chooses another folder",
       temporary_folder().string(), std::strerror(errno));
}

}  // namespace

SpoolFile::SpoolFile() {
  std::string name = (temporary_folder() / "manul-pictures-XXXXXX").string();
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) refuse_spooling();
  ::unlink(name.c_str());
}

SpoolFile::~SpoolFile() {
  ::close(descriptor_);
}

void SpoolFile::append(std::span<const uint8_t> bytes) {
  auto count = static_cast<int64_t>(bytes.size());
  if (!write_at(descriptor_, size_, bytes.data(), count)) refuse_spooling();
  size_ += count;
}

int64_t SpoolFile::read(int64_t offset, void* to, int64_t count) const {
  int64_t got = read_at(descriptor_, offset, to, count);
  if (got < 0) refuse_spooling();
  return got;
}

}  // namespace manul
