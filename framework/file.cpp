#include "manul/framework/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "manul/framework/system_call.h"

namespace manul {
namespace {

/// What the system is short of is no fault of the file.
[[noreturn]] void refuse_reading(const std::string& name, ErrorKind kind, int reason) {
  bool system_is_short = reason == EMFILE || reason == ENFILE || reason == ENOMEM;
  fail(system_is_short ? ErrorKind::failed : kind, "{}: cannot be read: {}", name, std::strerror(reason));
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path, ErrorKind kind) : name_(path.string()), kind_(kind) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  descriptor_ = retried([&] { return ::open(name_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); });
  if (descriptor_ < 0) refuse_reading(name_, kind_, errno);
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    refuse(S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a regular file");
  }
  stamp_ = {.bytes = status.st_size,
            .written_seconds = status.st_mtim.tv_sec,
            .written_nanoseconds = status.st_mtim.tv_nsec};
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

int64_t InputFile::read(int64_t offset, void* to, int64_t count) const {
  int64_t got = read_at(descriptor_, offset, to, count);
  if (got < 0) refuse_reading(name_, kind_, errno);
  return got;
}

std::vector<uint8_t> InputFile::read_all(int64_t most) const {
  if (size() > most) refuse(fmt::format("has {} bytes; at most {} are read", size(), most));
  std::vector<uint8_t> bytes(static_cast<size_t>(size()));
  bytes.resize(static_cast<size_t>(read(0, bytes.data(), size())));
  return bytes;
}

void InputFile::refuse(std::string_view reason) const {
  fail(kind_, "{}: {}", name_, reason);
}

void write_bytes(const std::filesystem::path& path, std::span<const uint8_t> content) {
  int file = retried([&] {
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
  });
  struct stat status {};
  // A device is written to like a file; it must not be removed like one.
  bool removable = file >= 0 && ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  bool done = file >= 0;
  for (size_t written = 0; done && written < content.size();) {
    ssize_t count =
        retried([&] { return ::write(file, content.data() + written, content.size() - written); });
    done = count >= 0;
    if (done) written += static_cast<size_t>(count);
  }
  int reason = errno;
  if (file >= 0 && ::close(file) != 0 && done) {
    done = false;
    reason = errno;
  }
  if (done) return;
  if (removable) ::unlink(path.c_str());
  fail(ErrorKind::failed, "{}: cannot be written: {}", path.string(), std::strerror(reason));
}

}  // namespace manul
