#include "manul/models/hdf5/library/sandbox.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <vector>

namespace manul::hdf5 {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;  // AddressSanitizer asks for terabytes of addresses, and for more calls
#else
constexpr bool sanitized = false;
#endif

void limit(int resource, uint64_t most) {
  rlimit now{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0 || now.rlim_max < most) return;
  now.rlim_cur = now.rlim_max = most;
  ::setrlimit(static_cast<__rlimit_resource>(resource), &now);
}

/// What libhdf5 and the C library need once everything is loaded.
constexpr int allowed_calls[] = {
    __NR_read,         __NR_write,           __NR_pread64,      __NR_pwrite64,
    __NR_lseek,        __NR_close,           __NR_fstat,        __NR_mmap,
    __NR_munmap,       __NR_mremap,          __NR_madvise,      __NR_brk,
    __NR_futex,        __NR_newfstatat,      __NR_getrandom,    __NR_clock_gettime,
    __NR_gettimeofday, __NR_rt_sigaction,    __NR_rt_sigreturn, __NR_rt_sigprocmask,
    __NR_getpid,       __NR_gettid,          __NR_tgkill,       __NR_exit,
    __NR_exit_group,   __NR_restart_syscall,
};

#if defined(__x86_64__)
constexpr uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t architecture = 0;
#endif

}  // namespace

void limit_process(const Limits& limits) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
#ifdef __NR_close_range
  ::syscall(__NR_close_range, STDERR_FILENO + 1, ~0U, 0);
#endif
  if (!sanitized) limit(RLIMIT_AS, limits.memory);
  limit(RLIMIT_FSIZE, limits.output);
  limit(RLIMIT_CPU, limits.seconds);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NPROC, 0);
}

void allow_computing_alone() {
  if (sanitized || architecture == 0) return;
  auto offset = [](size_t bytes) { return static_cast<uint32_t>(bytes); };
  std::vector<sock_filter> program = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset(offsetof(seccomp_data, arch))),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset(offsetof(seccomp_data, nr))),
  };
  for (int call : allowed_calls) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  sock_fprog filter = {static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

}  // namespace manul::hdf5
