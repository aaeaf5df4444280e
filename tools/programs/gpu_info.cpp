#include <string>

#include "manul/framework/error.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/terminal.h"
#ifdef MANUL_WITH_CUDA
#include "manul/framework/cuda/info.h"
#endif

namespace manul {
namespace {

void row(const std::string& name, const std::string& value) {
  print_result("{:<25}{}\n", name, value);
}

#ifdef MANUL_WITH_CUDA
void row_or(const std::string& name, const std::string& value, const std::string& otherwise) {
  row(name, value.empty() ? otherwise : value);
}

void print_device(size_t index, const cuda::DeviceInfo& device) {
  constexpr double gib = 1 << 30;
  row(fmt::format("cuda:{}", index), device.name);
  row("  compute capability", device.compute_capability);
  row("  multiprocessors", std::to_string(device.multiprocessors));
  row("  memory",
      fmt::format("{:.1f} GiB, {:.1f} free", device.memory_total / gib, device.memory_free / gib));
  if (device.bandwidth > 0) row("  memory bandwidth", fmt::format("{:.0f} GB/s", device.bandwidth / 1e9));
}

int print_info() {
  cuda::Info info = cuda::gather_info();
  row_or("NVIDIA driver", info.driver,
         info.driver_cuda.empty() || info.driver_cuda == "0.0"
             ? "not found: install it from your distribution or nvidia.com"
             : "there, but its own version is not known (libnvidia-ml.so.1 is missing)");
  row_or("  newest CUDA it knows", info.driver_cuda, "none");
  row("CUDA runtime", info.runtime + " (part of this program)");
  row_or("cuBLAS", info.blas, info.blas_problem);
  row_or("cuDNN", info.dnn, info.dnn_problem);
  for (size_t i = 0; i < info.devices.size(); ++i) print_device(i, info.devices[i]);
  if (!info.problem.empty()) fail(ErrorKind::device, "no GPU can be used: {}", info.problem);
  return 0;
}
#else
int print_info() {
  row("CUDA", "not part of this build");
  fail(ErrorKind::device,
       "no GPU can be used: this build has no CUDA side; install the CUDA toolkit 12 or newer and cuDNN 9, "
       "and "
       "configure it again");
}
#endif

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  manul::Program program("gpu_info", "Shows what a GPU needs and what of it is here.", "  gpu_info\n");
  return program.run(argc, argv, [] { return manul::print_info(); });
}
