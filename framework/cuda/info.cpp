#include "manul/framework/cuda/info.h"

#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include "manul/framework/cuda/blas.h"
#include "manul/framework/cuda/context.h"
#include "manul/framework/cuda/dnn.h"
#include "manul/framework/cuda/handle.h"
#include "manul/framework/error.h"

namespace manul::cuda {
namespace {

std::string version_text(int version) {
  return version == 0 ? "" : fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

/// The driver's own version, from the management library that comes with it; empty without one.
std::string driver_version() {
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
  if (!library) return {};
  auto* start = reinterpret_cast<int (*)()>(dlsym(library, "nvmlInit_v2"));
  auto* version = reinterpret_cast<int (*)(char*, unsigned)>(dlsym(library, "nvmlSystemGetDriverVersion"));
  char text[96] = "";
  bool known = start && version && start() == 0 && version(text, sizeof text) == 0;
  return known ? text : "";
}

/// Asks a vendor's library for its version, which loads it.
void ask_version(std::string (*version)(), std::string& text, std::string& problem) {
  try {
    text = version();
  } catch (const Error& error) {
    problem = error.what();
  }
}

int attribute(cudaDeviceAttr name, int index) {
  int value = 0;
  if (cudaDeviceGetAttribute(&value, name, index) != cudaSuccess) cudaGetLastError();
  return value;
}

DeviceInfo device_info(int index) {
  DeviceInfo info;
  cudaDeviceProp properties{};
  MANUL_CHECK_CUDA(cudaGetDeviceProperties(&properties, index));
  info.name = properties.name;
  info.compute_capability = fmt::format("{}.{}", properties.major, properties.minor);
  info.multiprocessors = properties.multiProcessorCount;
  // Two transfers a clock (kHz), and the width of the bus in bits.
  info.bandwidth = 2.0 * 1000 * attribute(cudaDevAttrMemoryClockRate, index) *
                   attribute(cudaDevAttrGlobalMemoryBusWidth, index) / 8;
  MANUL_CHECK_CUDA(cudaSetDevice(index));
  MANUL_CHECK_CUDA(cudaMemGetInfo(&info.memory_free, &info.memory_total));
  return info;
}

}  // namespace

Info gather_info() {
  Info info;
  int version = 0;
  if (cudaDriverGetVersion(&version) == cudaSuccess) info.driver_cuda = version_text(version);
  info.driver = driver_version();
  info.runtime = version_text(CUDART_VERSION);
  ask_version(blas_version, info.blas, info.blas_problem);
  ask_version(dnn_version, info.dnn, info.dnn_problem);
  info.problem = why_unusable(0);
  if (!info.problem.empty()) return info;
  int count = 0;
  try {
    MANUL_CHECK_CUDA(cudaGetDeviceCount(&count));
    for (int index = 0; index < count; ++index) info.devices.push_back(device_info(index));
  } catch (const Error& error) {
    info.problem = error.what();
  }
  return info;
}

}  // namespace manul::cuda
