#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "manul/framework/cuda/accesses.h"
#include "manul/framework/cuda/context.h"
#include "manul/framework/cuda/handle.h"
#include "manul/framework/tensor.h"

// What all kernels share; for .cu files.
namespace manul::cuda {

/// The first statement of every kernel: waits until the former kernel of the stream is done, then lets the
/// next one be set up on the multiprocessors that are idle (programmatic dependent launch, compute capability
/// 9.0). In this order, because blocks that are set up two kernels ahead take room and wait in vain. So all
/// kernels before the former one are done when a kernel begins, and what the former one does not write may be
/// read before this statement: that of which is_settled() said so on the host, by load_settled() or
/// copy_async(). Until a kernel has waited, its multiprocessor's own cache may hold what older ones read
/// there.
__device__ inline void begin_kernel() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

/// The context of the GPU that `tensor` lies on.
inline const Context& context_of(const Tensor& tensor) {
  return Context::use(tensor.device().index);
}

/// Instead of begin_kernel() in a block that uses only what is settled. Not for all blocks of a kernel.
__device__ inline void begin_settled_block() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

/// Whether the kernel that is started next may read `tensor` before begin_kernel(); asked by the op that
/// starts it.
inline bool is_settled(const Tensor& tensor) {
  return !tensor.defined() ||
         context_of(tensor).accesses().readable_from(tensor.raw_data(), tensor.bytes()) == 0;
}

/// A value that is settled, of a multiple of 4 bytes, past the multiprocessor's own cache.
template <class T>
__device__ T load_settled(const T* from) {
  using Word = std::conditional_t<sizeof(T) % sizeof(uint4) == 0, uint4,
                                  std::conditional_t<sizeof(T) % sizeof(uint2) == 0, uint2, uint32_t>>;
  static_assert(sizeof(T) % sizeof(Word) == 0);
  T value;
#pragma unroll
  for (int i = 0; i < static_cast<int>(sizeof(T) / sizeof(Word)); ++i)
    reinterpret_cast<Word*>(&value)[i] = __ldcg(reinterpret_cast<const Word*>(from) + i);
  return value;
}

/// Lets a block of `kernel` have `bytes` for dynamic_shared(): more than is usual must be asked for.
template <class... Parameters>
void allow_shared_bytes(void (*kernel)(Parameters...), size_t bytes) {
  constexpr size_t usual = 40 << 10;  // the kernel's own shared memory counts as well
  if (bytes > usual)
    MANUL_CHECK_CUDA(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
}

/// The shared memory to ask for where a block wants `bytes`: in a grid of at most one block a multiprocessor
/// so much that none takes two. Blocks that are set up early would gather where the former kernel ends first.
inline size_t spread_bytes(const Context& context, dim3 grid, size_t bytes) {
  int64_t blocks = int64_t{grid.x} * grid.y * grid.z;
  if (!context.overlaps_kernels() || blocks > context.multiprocessors()) return bytes;
  return std::max(bytes, context.shared_bytes() / 2);
}

/// Starts a kernel on the compute stream, with `shared_bytes` for dynamic_shared(). Nothing happens for an
/// empty grid.
template <class... Parameters, class... Arguments>
void launch_with_shared(const Context& context, void (*kernel)(Parameters...), dim3 grid, int threads,
                        size_t shared_bytes, const Arguments&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  shared_bytes = spread_bytes(context, grid, shared_bytes);
  allow_shared_bytes(kernel, shared_bytes);
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = context.stream();
  config.attrs = &overlap;
  config.numAttrs = context.overlaps_kernels() ? 1 : 0;
  MANUL_CHECK_CUDA(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...));
  context.accesses().note_launch();
}

template <class... Parameters, class... Arguments>
void launch(const Context& context, void (*kernel)(Parameters...), dim3 grid, int threads,
            const Arguments&... arguments) {
  launch_with_shared(context, kernel, grid, threads, 0, arguments...);
}

/// The shared memory that the launch asked for, 16-byte aligned; any GPU has 48 KiB for a block.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char dynamic_shared_memory[];
  return reinterpret_cast<T*>(dynamic_shared_memory);
}
constexpr int64_t most_shared_bytes = 48 << 10;

/// How many blocks of `size` cover `count`.
inline unsigned blocks_for(int64_t count, int64_t size) {
  return static_cast<unsigned>((count + size - 1) / size);
}

namespace detail {
constexpr int each_threads = 256;

template <class Body>
__global__ void each_kernel(int64_t count, Body body) {
  begin_kernel();
  int64_t i = int64_t{blockIdx.x} * each_threads + threadIdx.x;
  if (i < count) body(i);
}
}  // namespace detail

/// Runs body(i) on the GPU for i of [0, count), a thread each. `Body` is a struct with a device operator().
template <class Body>
void for_each(const Context& context, int64_t count, const Body& body) {
  launch(context, detail::each_kernel<Body>, blocks_for(count, detail::each_threads), detail::each_threads,
         count, body);
}

/// A sum over the 32 lanes of a warp, in a fixed order; every lane has it.
template <class T>
__device__ T warp_sum(T value) {
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffffu, value, distance);
  return value;
}

template <class T>
__device__ T warp_max(T value) {
  for (int distance = 16; distance > 0; distance /= 2) {
    T other = __shfl_xor_sync(0xffffffffu, value, distance);
    value = other > value ? other : value;
  }
  return value;
}

/// The lanes of a warp as those who compute a row: see Alone (ops/losses/loss_functions.h).
struct Warp {
  __device__ static int64_t first() { return threadIdx.x % 32; }
  __device__ static int64_t step() { return 32; }
  template <class T>
  __device__ static T sum(T own) {
    return warp_sum(own);
  }
  template <class T>
  __device__ static T largest(T own) {
    return warp_max(own);
  }
};

/// A sum over a block of `threads` threads, in a fixed order; every thread has it. May be called again at
/// once.
template <int threads, class T>
__device__ T block_sum(T value) {
  static_assert(threads % 32 == 0 && threads <= 1024);
  __shared__ T sums[threads / 32];
  value = warp_sum(value);
  __syncthreads();
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
  __syncthreads();
  T total = 0;
  for (int warp = 0; warp < threads / 32; ++warp) total += sums[warp];
  return total;
}

/// True in all threads of the block that calls this last of `blocks` blocks; it sees all that the others
/// wrote before. Read that with __ldcg. `counter` is one of Context::counters(), and 0 again afterwards.
__device__ inline bool is_last_block(uint32_t* counter, uint32_t blocks) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last = atomicAdd(counter, 1u) == blocks - 1;
    if (last) *counter = 0;
  }
  __syncthreads();
  if (last) __threadfence();
  return last;
}

/// The pointer of a tensor that may be undefined.
template <class T>
const T* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.data<T>() : nullptr;
}
template <class T>
T* mutable_data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data<T>() : nullptr;
}

}  // namespace manul::cuda
