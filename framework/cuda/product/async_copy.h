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

/// Starts to copy `count` floats, 4 or 1, both addresses aligned to as many; zeros arrive instead where
/// `wanted` is false, and nothing is read.
template <int count = 4>
__device__ void copy_async(float* to, const float* from, bool wanted) {
  static_assert(count == 4 || count == 1);
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  auto address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  if constexpr (count == 4)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from),
                 "r"(wanted ? 16 : 0)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(address), "l"(from), "r"(wanted ? 4 : 0)
                 : "memory");
#else
  for (int i = 0; i < count; ++i) to[i] = wanted ? from[i] : 0;
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
