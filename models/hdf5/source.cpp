#include "manul/models/hdf5/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "manul/framework/error.h"
#include "manul/framework/system_call.h"
#include "manul/framework/text.h"

namespace manul::hdf5 {
namespace {

/// What may be read of a file's structure, and kept in memory because of it, for each byte of the file.
constexpr uint64_t metadata_factor = 4;
constexpr uint64_t memory_factor = 16;

uint64_t budget(uint64_t size, uint64_t factor) {
  constexpr uint64_t smallest = uint64_t{1} << 20, largest = uint64_t{1} << 28;
  return std::min(largest, factor * size + smallest);
}

}  // namespace

OpenFile::OpenFile(const std::string& path) : name_(path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  descriptor_ = retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); });
  if (descriptor_ < 0) fail(ErrorKind::model_file, "{}: cannot be opened: {}", path, std::strerror(errno));
  look();
}

OpenFile::OpenFile(std::string name, int descriptor) : name_(std::move(name)), descriptor_(descriptor) {
  look();
}

void OpenFile::look() {
  struct stat status {};
  bool regular = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  size_ = static_cast<uint64_t>(status.st_size);
  if (regular && size_ <= largest) return;
  ::close(descriptor_);
  if (!regular) fail(ErrorKind::model_file, "{}: is not a regular file", name_);
  fail(ErrorKind::model_file, "{}: has {} bytes; a model file may have {}", name_, size_, largest);
}

OpenFile::~OpenFile() {
  ::close(descriptor_);
}

Source::Source(std::shared_ptr<const OpenFile> file) : file_(std::move(file)), size_(file_->size()) {
  metadata_left_ = budget(size_, metadata_factor);
  memory_left_ = budget(size_, memory_factor);
}

Bytes Source::metadata(uint64_t address, uint64_t count, std::string_view object) {
  if (count > metadata_left_)
    refuse(object, "the file's structure is larger than the file (it refers to itself)");
  metadata_left_ -= count;
  if (address > size_ || count > size_ - address) refuse(object, "lies outside the file");
  Bytes found(count);
  read(address, found.data(), count, object);
  return found;
}

void Source::keep(uint64_t bytes, std::string_view object) {
  if (bytes > memory_left_)
    refuse(
        object,
        "the file's names and texts need many times the memory of the file (it uses them again and again)");
  memory_left_ -= bytes;
}

void Source::read(uint64_t address, void* target, uint64_t count, std::string_view object) const {
  if (address > size_ || count > size_ - address) refuse(object, "lies outside the file");
  for (uint64_t done = 0; done < count;) {
    ssize_t got = retried([&] {
      return ::pread(file_->descriptor(), static_cast<char*>(target) + done, count - done,
                     static_cast<off_t>(address + done));
    });
    if (got < 0) refuse(object, std::string("cannot be read: ") + std::strerror(errno));
    if (got == 0) refuse(object, "the file became shorter while it was read");
    done += static_cast<uint64_t>(got);
  }
}

std::string Source::sentence(std::string_view object, std::string_view reason) const {
  if (object.empty()) return fmt::format("{}: {}", path(), reason);
  return fmt::format("{}: {}: {}", path(), shortened(object), reason);
}

void Source::refuse(std::string_view object, std::string_view reason) const {
  throw Error(ErrorKind::model_file, sentence(object, reason));
}

void Source::refuse_layout(std::string_view object, std::string_view reason) const {
  throw OtherLayout(sentence(object, reason));
}

}  // namespace manul::hdf5
