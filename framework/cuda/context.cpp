#include "manul/framework/cuda/context.h"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>

#include "manul/framework/cuda/accesses.h"
#include "manul/framework/cuda/handle.h"
#include "manul/framework/error.h"

namespace manul::cuda {
namespace {

constexpr int most_devices = 64;
std::atomic<bool> tf32_allowed{false};

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

/// Why there is no GPU at all.
std::string why_none(cudaError_t status) {
  int driver = 0;
  cudaDriverGetVersion(&driver);
  if (driver == 0) return "no NVIDIA driver is installed (nvidia-smi shows it once it is)";
  if (status == cudaErrorInsufficientDriver)
    return fmt::format("the NVIDIA driver is too old: it knows CUDA {}, this build needs {} or newer",
                       version_text(driver), version_text(CUDART_VERSION));
  if (status == cudaErrorNoDevice)
    return "no NVIDIA GPU is visible (see nvidia-smi and CUDA_VISIBLE_DEVICES)";
  return fmt::format("the CUDA runtime does not start: {}", cudaGetErrorString(status));
}

int attribute(cudaDeviceAttr name, int index) {
  int value = 0;
  MANUL_CHECK_CUDA(cudaDeviceGetAttribute(&value, name, index));
  return value;
}

/// True if no call of this process to that GPU can succeed any more.
bool is_lost(cudaError_t status) {
  switch (status) {
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalAddress:
    case cudaErrorIllegalInstruction:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorMisalignedAddress:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace

void check_status(cudaError_t status, const char* expression) {
  if (status == cudaSuccess) [[likely]]
    return;
  cudaGetLastError();
  if (is_lost(status))
    fail(ErrorKind::device, "cuda: the GPU was lost in the middle of the work ({}, seen at {})",
         cudaGetErrorString(status), expression);
  switch (status) {
    case cudaErrorNoKernelImageForDevice:
      fail(ErrorKind::device,
           "cuda: this build has no code for this GPU (seen at {}): build it with CMAKE_CUDA_ARCHITECTURES "
           "set to the "
           "GPU's compute capability",
           expression);
    case cudaErrorStreamCaptureUnsupported:
    case cudaErrorStreamCaptureInvalidated:
    case cudaErrorStreamCaptureImplicit:
      fail(ErrorKind::device, "cuda: {} cannot run while a step is being captured ({})", expression,
           cudaGetErrorString(status));
    default:
      fail(ErrorKind::device, "cuda: {} failed: {}", expression, cudaGetErrorString(status));
  }
}

std::string why_unusable(int index) {
  int count = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    cudaGetLastError();
    return why_none(status == cudaSuccess ? cudaErrorNoDevice : status);
  }
  if (index >= count)
    return fmt::format("there {}, numbered from 0",
                       count == 1 ? "is 1 GPU" : fmt::format("are {} GPUs", count));
  return {};
}

void set_tf32(bool allowed) {
  tf32_allowed = allowed;
}
bool tf32() {
  return tf32_allowed;
}

Context& Context::use(int index) {
  static std::mutex mutex;
  static std::array<Context*, most_devices> contexts{};
  thread_local Context* current = nullptr;
  if (current && current->index_ == index) return *current;
  check(index >= 0 && index < most_devices, "cuda: there is no GPU {}", index);
  std::lock_guard lock(mutex);
  if (!contexts[index]) {
    if (std::string reason = why_unusable(index); !reason.empty())
      fail(ErrorKind::device, "device: cuda:{} cannot be used: {}", index, reason);
    contexts[index] = new Context(index);
  }
  MANUL_CHECK_CUDA(cudaSetDevice(index));
  current = contexts[index];
  return *current;
}

Context::Context(int index) : index_(index) {
  MANUL_CHECK_CUDA(cudaSetDevice(index));
  for (CUstream_st** stream : {&stream_, &copy_stream_})
    MANUL_CHECK_CUDA(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking));
  multiprocessors_ = attribute(cudaDevAttrMultiProcessorCount, index);
  size_t free = 0;
  MANUL_CHECK_CUDA(cudaMemGetInfo(&free, &memory_bytes_));
  shared_bytes_ = static_cast<size_t>(attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor, index));
  capability_ = attribute(cudaDevAttrComputeCapabilityMajor, index) * 10 +
                attribute(cudaDevAttrComputeCapabilityMinor, index);
  accesses_ = new Accesses;
  overlaps_kernels_ = capability_ >= 90 && compiled_architecture() >= 90;
  void* counters = nullptr;
  MANUL_CHECK_CUDA(cudaMalloc(&counters, counter_count * sizeof(uint32_t)));
  counters_ = static_cast<uint32_t*>(counters);
  MANUL_CHECK_CUDA(cudaMemset(counters_, 0, counter_count * sizeof(uint32_t)));
  MANUL_CHECK_CUDA(cudaDeviceSynchronize());
}

}  // namespace manul::cuda
