#pragma once

#include <string_view>
#include <type_traits>

#include "manul/framework/error.h"
#include "manul/framework/tensor.h"

/// The CUDA function of a kernel slot; nothing in a build without CUDA.
#ifdef MANUL_WITH_CUDA
#define MANUL_CUDA(function) function
#else
#define MANUL_CUDA(function) nullptr
#endif

/// Declares, in the namespace around it, the CPU function, the CUDA function and the slot of a kernel:
///
///     MANUL_KERNEL(scale, void(const Tensor& x, double factor, const Tensor& y));
///
/// declares cpu::scale, cuda::scale and `scale_kernel`, which is called like either. A function that is never
/// defined fails at link time; a kernel for the CPU alone is `inline constexpr Kernel scale_kernel{"scale",
/// scale_on_cpu};`.
#define MANUL_KERNEL(name, ...)           \
  namespace cpu {                         \
  std::type_identity_t<__VA_ARGS__> name; \
  }                                       \
  namespace cuda {                        \
  std::type_identity_t<__VA_ARGS__> name; \
  }                                       \
  inline constexpr ::manul::Kernel name##_kernel(#name, cpu::name, MANUL_CUDA(cuda::name))

namespace manul {

/// While one lives, a kernel's function runs: what it reads and writes on a GPU is noted (Accesses of
/// framework/cuda/accesses.h).
class CallScope {
 public:
  explicit CallScope(Device device) : device_(device) {
    if (!device_.is_cpu()) begin();
  }
  ~CallScope() {
    if (!device_.is_cpu()) end();
  }
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

 private:
  void begin() const;
  void end() const;

  Device device_;
};

/// A named slot with one function per device, declared by MANUL_KERNEL. A call runs the function of the
/// device its tensors lie on. Undefined tensors among the arguments are passed on and do not count. Throws if
/// the tensors lie on different devices, or if the build has no function for theirs.
template <class Function>
struct Kernel {
  std::string_view name;
  Function* on_cpu = nullptr;
  Function* on_cuda = nullptr;

  constexpr Kernel(std::string_view name, Function* on_cpu, Function* on_cuda = nullptr)
      : name(name), on_cpu(on_cpu), on_cuda(on_cuda) {}
  constexpr Kernel(std::string_view name, Function* on_cpu, std::nullptr_t) : name(name), on_cpu(on_cpu) {}

  template <class... Args>
  void operator()(const Args&... args) const {
    const Tensor* first = nullptr;
    (look_at(args, first), ...);
    check(first != nullptr, "{}: called without a tensor", name);
    Function* function = first->device().is_cpu() ? on_cpu : on_cuda;
    if (!function)
      fail(ErrorKind::device, "{}: this build has no kernel for {}", name, first->device().name());
    CallScope scope(first->device());
    function(args...);
  }

 private:
  template <class Arg>
  void look_at(const Arg& arg, const Tensor*& first) const {
    if constexpr (std::is_same_v<Arg, Tensor>) {
      if (!arg.defined()) return;
      if (!first) first = &arg;
      if (!(arg.device() == first->device()))
        fail(ErrorKind::device, "{}: one tensor is on {}, another on {}", name, first->device().name(),
             arg.device().name());
    }
  }
};

}  // namespace manul
