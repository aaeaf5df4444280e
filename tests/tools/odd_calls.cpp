// A module for LD_PRELOAD: calls of the system that do what they may, and seldom do. ODD_CALLS is a list of
//
//     short          read and write take some of the bytes that they were given, down to a single one
//     interrupted    every second read, write, open and fsync ends with EINTR
//     clock          the time of day goes a day forward and two back by turns; the other clock leaps by an
//     hour
//
// Only calls that go through the C library's names are reached, not its own streams.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

namespace {

bool is_odd(const char* name) {
  const char* wanted = std::getenv("ODD_CALLS");
  return wanted && std::strstr(wanted, name);
}

/// Different for each call, the same in each run of one thread.
unsigned next_number() {
  static std::atomic<unsigned> number{0};
  unsigned n = ++number * 2654435761u;
  return n ^ n >> 15;
}

bool is_interrupted() {
  static const bool odd = is_odd("interrupted");
  static thread_local bool now = false;
  if (!odd) return false;
  now = !now;
  if (now) errno = EINTR;
  return now;
}

size_t some_of(size_t count) {
  static const bool odd = is_odd("short");
  return odd && count > 1 ? 1 + next_number() % count : count;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t read(int file, void* to, size_t count) {
  static auto* const call = next<ssize_t(int, void*, size_t)>("read");
  return is_interrupted() ? -1 : call(file, to, some_of(count));
}
ssize_t pread(int file, void* to, size_t count, off_t offset) {
  static auto* const call = next<ssize_t(int, void*, size_t, off_t)>("pread");
  return is_interrupted() ? -1 : call(file, to, some_of(count), offset);
}
ssize_t pread64(int file, void* to, size_t count, off64_t offset) {
  return pread(file, to, count, offset);
}
ssize_t write(int file, const void* from, size_t count) {
  static auto* const call = next<ssize_t(int, const void*, size_t)>("write");
  return is_interrupted() ? -1 : call(file, from, some_of(count));
}

int open(const char* path, int flags, ...) {
  static auto* const call = next<int(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return is_interrupted() ? -1 : call(path, flags, mode);
}

int fsync(int file) {
  static auto* const call = next<int(int)>("fsync");
  return is_interrupted() ? -1 : call(file);
}

int clock_gettime(clockid_t clock, timespec* time) {
  static auto* const call = next<int(clockid_t, timespec*)>("clock_gettime");
  static const bool odd = is_odd("clock");
  int result = call(clock, time);
  if (!odd || result != 0) return result;
  constexpr time_t day = 86400, hour = 3600;
  static std::atomic<int> calls{0};
  int n = ++calls;
  time->tv_sec += clock == CLOCK_REALTIME ? (n % 2 ? day : -2 * day) : n / 100 * hour;
  return result;
}

}  // extern "C"
