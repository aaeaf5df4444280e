// A module for LD_PRELOAD: lets a program start as many threads as FEW_THREADS says, and fails then as the
// system does at the limit of a user's processes (ulimit -u, which does not hold for root).
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*function)(void*),
                              void* argument) {
  static std::atomic<int> started{0};
  const char* most = std::getenv("FEW_THREADS");
  if (most && started++ >= std::atoi(most)) return EAGAIN;
  using Create = int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static auto* const create = reinterpret_cast<Create*>(::dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, function, argument);
}
