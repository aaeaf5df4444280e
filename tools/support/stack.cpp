#include "manul/tools/support/stack.h"

#include <pthread.h>
#include <sys/resource.h>

#include <cstddef>
#include <exception>

#include "manul/framework/error.h"

namespace manul {
namespace {

constexpr size_t enough = size_t{1} << 20, usual = size_t{8} << 20;

struct Job {
  const std::function<int()>& body;
  int code = 0;
  std::exception_ptr error;
};

void* run_job(void* argument) {
  auto* job = static_cast<Job*>(argument);
  try {
    job->code = job->body();
  } catch (...) {
    job->error = std::current_exception();
  }
  return nullptr;
}

}  // namespace

int run_with_stack(const std::function<int()>& body) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= enough) return body();
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, usual);
  pthread_setattr_default_np(&attributes);  // of the threads that come later
  Job job{body, 0, nullptr};
  pthread_t thread{};
  bool started = pthread_create(&thread, &attributes, run_job, &job) == 0;
  pthread_attr_destroy(&attributes);
  if (!started)
    fail(ErrorKind::failed, "the stack may have {} kB (ulimit -s), at least {} kB are needed",
         limit.rlim_cur >> 10, enough >> 10);
  pthread_join(thread, nullptr);
  if (job.error) std::rethrow_exception(job.error);
  return job.code;
}

}  // namespace manul
