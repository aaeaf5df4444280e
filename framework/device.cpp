#include "manul/framework/device.h"

#include <charconv>

#include "manul/framework/distributed/communicator.h"
#include "manul/framework/error.h"
#ifdef MANUL_WITH_CUDA
#include "manul/framework/cuda/context.h"
#endif

namespace manul {
namespace {

/// Empty if GPU `index` can be used, otherwise a sentence that says why not.
std::string why_unusable([[maybe_unused]] int index) {
#ifdef MANUL_WITH_CUDA
  return cuda::why_unusable(index);
#else
  return "this build has no CUDA side (it was configured without a CUDA toolkit or with MANUL_CUDA=OFF)";
#endif
}

/// The GPU of this process: the first one, or of several processes on this machine each one's own.
int own_gpu() {
  int index = processes().local_rank();
  return why_unusable(index).empty() ? index : 0;
}

}  // namespace

Device Device::parse(std::string_view text) {
  if (text == "cpu") return cpu();
  int index = own_gpu();
  if (text == "auto") return why_unusable(index).empty() ? cuda(index) : cpu();
  bool known = text == "cuda";
  if (text.starts_with("cuda:")) {
    const char* end = text.data() + text.size();
    auto [stop, error] = std::from_chars(text.data() + 5, end, index);
    known = error == std::errc{} && stop == end && index >= 0;
  }
  if (!known) fail(ErrorKind::usage, "device: '{}' is not one of auto, cpu, cuda, cuda:N", text);
  if (std::string reason = why_unusable(index); !reason.empty())
    fail(ErrorKind::device, "device: {} cannot be used: {}", text, reason);
  return cuda(index);
}

void allow_tf32([[maybe_unused]] bool allowed) {
#ifdef MANUL_WITH_CUDA
  cuda::set_tf32(allowed);
#endif
}

std::string Device::name() const {
  return is_cpu() ? "cpu" : fmt::format("cuda:{}", index);
}

}  // namespace manul
