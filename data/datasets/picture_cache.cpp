#include "manul/data/datasets/picture_cache.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "manul/framework/available_memory.h"
#include "manul/framework/error.h"
#include "manul/framework/file_system.h"
#include "manul/framework/system_call.h"
#include "manul/framework/warning.h"

namespace manul {
namespace {

/// The file: this, a table with an entry a row, and the rows.
struct Heading {
  char magic[24] = "manul decoded pictures1";
  uint64_t key = 0;
  int64_t rows = 0, row_bytes = 0;
  bool operator==(const Heading&) const = default;
};

struct Entry {
  uint64_t key = 0, hash = 0, one_colour = 0;
  uint64_t check = 0;  // of the three
};

constexpr int64_t page = 4096, table_begin = page;

int64_t rows_begin(int64_t rows) {
  return table_begin + (rows * static_cast<int64_t>(sizeof(Entry)) + page - 1) / page * page;
}

uint64_t check_of(const Entry& entry) {
  return hash_of_bytes(&entry, offsetof(Entry, check), 1);
}

bool has_read(int descriptor, int64_t offset, void* to, int64_t count) {
  return read_at(descriptor, offset, to, count) == count;
}

}  // namespace

PictureCache::PictureCache(const Options& options) : rows_(options.rows), row_bytes_(options.row_bytes) {
  make_folders(options.folder, ErrorKind::failed);
  path_ = options.folder / fmt::format("manul-pictures-{:016x}.cache", options.key);
  open(options.key);
  if (!full_) room_ = std::min(rows_, room_for(options.most_bytes) / std::max<int64_t>(row_bytes_, 1));
}

PictureCache::~PictureCache() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PictureCache::open(uint64_t key) {
  // O_NONBLOCK: opening a named pipe must not wait.
  descriptor_ = retried([&] {
    return ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
  });
  struct stat status {};
  if (descriptor_ < 0)
    fail(ErrorKind::failed, "{}: decoded pictures cannot be kept there: {}", path_.string(),
         std::strerror(errno));
  bool is_regular = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  if (!is_regular) {
    ::close(std::exchange(descriptor_, -1));
    fail(ErrorKind::failed, "{}: decoded pictures cannot be kept there: it is not a regular file",
         path_.string());
  }
  try {
    begin_file(key);
  } catch (...) {
    ::close(std::exchange(descriptor_, -1));
    throw;
  }
}

/// One process at a time: others that open it find a heading, or none.
void PictureCache::begin_file(uint64_t key) {
  Heading wanted{.key = key, .rows = rows_, .row_bytes = row_bytes_}, found{.magic = {}};
  bool locked = retried([&] { return ::flock(descriptor_, LOCK_EX); }) == 0;  // not where there are no locks
  bool same = has_read(descriptor_, 0, &found, sizeof found) && found == wanted;
  bool begun =
      same || ((::ftruncate(descriptor_, 0) == 0) && write_at(descriptor_, 0, &wanted, sizeof wanted));
  // The file has holes for the rows that have not come.
  begun = begun && ::ftruncate(descriptor_, rows_begin(rows_) + rows_ * row_bytes_) == 0;
  int reason = errno;
  if (locked) ::flock(descriptor_, LOCK_UN);
  if (!begun && (reason == ENOSPC || reason == EDQUOT || reason == EFBIG)) return give_up(reason);
  if (!begun)
    fail(ErrorKind::failed, "{}: decoded pictures cannot be kept there: {}", path_.string(),
         std::strerror(reason));
}

/// Bytes that the file may have: what is free, and what it has by now.
int64_t PictureCache::room_for(int64_t most_bytes) const {
  struct statfs disk {};
  struct stat status {};
  if (most_bytes > 0 || ::fstatfs(descriptor_, &disk) != 0 || ::fstat(descriptor_, &status) != 0)
    return most_bytes;
  int64_t free = static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_bsize);
  if (disk.f_type == TMPFS_MAGIC) free = std::min(free, available_memory());
  constexpr int64_t block = 512;
  return (free / 10 + status.st_blocks * block / 10) * 9;
}

void PictureCache::forget() {
  ::unlink(path_.c_str());
}

bool PictureCache::find(int64_t row, uint64_t key, Fingerprint& found) const {
  Entry entry;
  if (row < 0 || row >= room_ ||
      !has_read(descriptor_, table_begin + row * static_cast<int64_t>(sizeof entry), &entry, sizeof entry) ||
      entry.key != key || entry.check != check_of(entry))
    return false;
  found = {entry.hash, entry.one_colour != 0};
  return true;
}

bool PictureCache::read(int64_t row, uint64_t key, uint8_t* to) const {
  Fingerprint expected;
  return find(row, key, expected) &&
         has_read(descriptor_, rows_begin(rows_) + row * row_bytes_, to, row_bytes_) &&
         hash_of_bytes(to, row_bytes_) == expected.hash;
}

void PictureCache::write(int64_t row, uint64_t key, const uint8_t* bytes, const Fingerprint& of) {
  if (row < 0 || row >= room_ || full_) return;
  Entry entry{key, of.hash, of.one_colour, 0};
  entry.check = check_of(entry);
  if (write_at(descriptor_, rows_begin(rows_) + row * row_bytes_, bytes, row_bytes_) &&
      write_at(descriptor_, table_begin + row * static_cast<int64_t>(sizeof entry), &entry, sizeof entry))
    return;
  give_up(errno);
}

void PictureCache::give_up(int reason) {
  if (!full_.exchange(true))
    warn("{}: no more decoded pictures can be kept: {}; the others are decoded in every epoch",
         path_.string(), std::strerror(reason));
}

}  // namespace manul
