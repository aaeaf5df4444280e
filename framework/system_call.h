#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace manul {

/// The result of a call of the system, made again as long as a signal interrupts it (EINTR). Not for close(),
/// which has closed then.
template <class Call>
auto retried(const Call& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

/// Reads what an open file has from `offset` on: `count` bytes, or as many as there are; -1, and errno, if it
/// cannot be read.
inline int64_t read_at(int descriptor, int64_t offset, void* to, int64_t count) {
  int64_t done = 0;
  while (done < count) {
    ssize_t got = retried([&] {
      return ::pread(descriptor, static_cast<char*>(to) + done, static_cast<size_t>(count - done),
                     offset + done);
    });
    if (got < 0) return -1;
    if (got == 0) break;
    done += got;
  }
  return done;
}

/// Writes all `count` bytes to an open file, from `offset` on; false, and errno, if that fails.
inline bool write_at(int descriptor, int64_t offset, const void* from, int64_t count) {
  for (int64_t done = 0; done < count;) {
    ssize_t put = retried([&] {
      return ::pwrite(descriptor, static_cast<const char*>(from) + done, static_cast<size_t>(count - done),
                      offset + done);
    });
    if (put <= 0) return false;
    done += put;
  }
  return true;
}

}  // namespace manul
