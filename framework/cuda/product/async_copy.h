#pragma once

#include <cstdint>

#include "manul/framework/tensor.h"

// Copies from global to shared memory that do not pass through registers (compute capability 8.0; plain
// copies on older GPUs); for .cu files.
namespace manul::cuda {

/// Whether copies of 16 bytes may begin at the tensor's first element; true if it is undefined.
inline bool is_aligned(const Tensor& tensor) {
  return !tensor.defined() || reinterpret_cast<uintptr_t>(tensor.raw_data()) % 16 == 0;
}

/// Starts to copy 16 bytes, both addresses aligned to 16; zeros arrive instead where `wanted` is false, and
/// nothing is read.
__device__ inline void copy_async(float* to, const float* from, bool wanted) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  auto address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(wanted ? 16 : 0)
               : "memory");
#else
  *reinterpret_cast<float4*>(to) = wanted ? *reinterpret_cast<const float4*>(from) : float4{0, 0, 0, 0};
#endif
}

/// Ends a group of the copies that this thread has started.
__device__ inline void commit_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits until all but the last `groups` groups of this thread's copies have arrived.
template <int groups>
__device__ void wait_for_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
#endif
}

}  // namespace manul::cuda
