#pragma once

#include <string_view>
#include <type_traits>
#include <vector>

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
/// scale_on_cpu};`. Neither function sees bf16: those tensors come to it as f32 (Bf16Arguments).
#define MANUL_KERNEL(name, ...) MANUL_KERNEL_TAKING_BF16(nowhere, name, __VA_ARGS__)
/// The same with functions that take bf16 as it is `nowhere`, `on_cuda` or `everywhere`: because that is
/// faster.
#define MANUL_KERNEL_TAKING_BF16(where, name, ...)                                         \
  namespace cpu {                                                                          \
  std::type_identity_t<__VA_ARGS__> name;                                                  \
  }                                                                                        \
  namespace cuda {                                                                         \
  std::type_identity_t<__VA_ARGS__> name;                                                  \
  }                                                                                        \
  inline constexpr ::manul::Kernel name##_kernel(#name, cpu::name, MANUL_CUDA(cuda::name), \
                                                 ::manul::TakesBf16::where)

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

/// Which functions of a kernel take bf16 as it is.
enum class TakesBf16 { nowhere, on_cuda, everywhere };

/// The tensors of a call of a function that does not know bf16: copies in f32 in their place, and, after the
/// call, what it may have written of them rounded to bf16. So every kernel works in bf16 on every device,
/// with its arithmetic in f32 and one rounding of what it gives. A tensor that stands in several places has
/// one copy; a tensor inside of another argument is not seen.
class Bf16Arguments {
 public:
  template <class Arg>
  void take(const Arg& arg) {
    if constexpr (std::is_same_v<Arg, Tensor>)
      if (arg.defined() && arg.dtype() == DType::bf16) add(arg);
  }
  template <class Arg>
  const Arg& of(const Arg& arg) const {
    if constexpr (std::is_same_v<Arg, Tensor>)
      return arg.defined() && arg.dtype() == DType::bf16 ? copy_of(arg) : arg;
    else
      return arg;
  }
  void give_back() const;

 private:
  struct Pair {
    Tensor original, copy;
    const void* address;
  };
  void add(const Tensor& tensor);
  const Tensor& copy_of(const Tensor& tensor) const;

  std::vector<Pair> pairs_;
};

/// function(args...) with bf16 tensors as f32: for a kernel that takes bf16 itself, but not always.
template <class Function, class... Args>
void call_in_f32(Function* function, const Args&... args) {
  Bf16Arguments f32;
  (f32.take(args), ...);
  function(f32.of(args)...);
  f32.give_back();
}

/// A named slot with one function per device, declared by MANUL_KERNEL. A call runs the function of the
/// device its tensors lie on. Undefined tensors among the arguments are passed on and do not count. Throws if
/// the tensors lie on different devices, or if the build has no function for theirs.
template <class Function>
struct Kernel {
  std::string_view name;
  Function* on_cpu = nullptr;
  Function* on_cuda = nullptr;
  TakesBf16 takes_bf16 = TakesBf16::nowhere;

  constexpr Kernel(std::string_view name, Function* on_cpu, Function* on_cuda = nullptr,
                   TakesBf16 takes_bf16 = TakesBf16::nowhere)
      : name(name), on_cpu(on_cpu), on_cuda(on_cuda), takes_bf16(takes_bf16) {}
  constexpr Kernel(std::string_view name, Function* on_cpu, std::nullptr_t,
                   TakesBf16 takes_bf16 = TakesBf16::nowhere)
      : name(name), on_cpu(on_cpu), takes_bf16(takes_bf16) {}

  template <class... Args>
  void operator()(const Args&... args) const {
    const Tensor* first = nullptr;
    bool has_bf16 = false;
    (look_at(args, first, has_bf16), ...);
    check(first != nullptr, "{}: called without a tensor", name);
    Device device = first->device();
    Function* function = device.is_cpu() ? on_cpu : on_cuda;
    if (!function) fail(ErrorKind::device, "{}: this build has no kernel for {}", name, device.name());
    bool takes =
        takes_bf16 == TakesBf16::everywhere || (takes_bf16 == TakesBf16::on_cuda && !device.is_cpu());
    if (!has_bf16 || takes) {
      CallScope scope(device);
      function(args...);
      return;
    }
    Bf16Arguments f32;
    (f32.take(args), ...);
    {
      CallScope scope(device);
      function(f32.of(args)...);
    }
    f32.give_back();
  }

 private:
  template <class Arg>
  void look_at(const Arg& arg, const Tensor*& first, bool& has_bf16) const {
    if constexpr (std::is_same_v<Arg, Tensor>) {
      if (!arg.defined()) return;
      if (!first) first = &arg;
      if (arg.dtype() == DType::bf16) has_bf16 = true;
      if (!(arg.device() == first->device()))
        fail(ErrorKind::device, "{}: one tensor is on {}, another on {}", name, first->device().name(),
             arg.device().name());
    }
  }
};

}  // namespace manul
