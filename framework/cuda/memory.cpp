#include "manul/framework/cuda/memory.h"

#include <algorithm>
#include <list>
#include <utility>

#include "manul/framework/cuda/block_pool.h"
#include "manul/framework/cuda/context.h"
#include "manul/framework/cuda/handle.h"
#include "manul/framework/distributed/waiting.h"
#include "manul/framework/error.h"
#include "manul/framework/memory.h"

namespace manul::cuda {
namespace {

/// Every pool that still has blocks: one a GPU, and those of captured steps. Never destroyed (see Context).
struct Pools {
  std::mutex mutex;
  std::map<int, BlockPool> main;
  std::list<std::shared_ptr<BlockPool>> arenas;
  std::map<int, size_t> peaks;  // of used(), by GPU

  /// What tensors have, and what captured steps keep.
  size_t used(int index) {
    size_t bytes = main.try_emplace(index, index).first->second.used();
    for (const std::shared_ptr<BlockPool>& arena : arenas)
      if (arena->index() == index) bytes += arena->reserved();
    return bytes;
  }
  /// Those whose graph is gone: the list alone holds them.
  void drop_unused_arenas() {
    arenas.remove_if([](const auto& arena) { return arena->used() == 0 && arena.use_count() == 1; });
  }
};

Pools& pools() {
  static Pools* instance = new Pools;
  return *instance;
}

thread_local BlockPool* captured_into = nullptr;
thread_local MemoryTrace* innermost_trace = nullptr;

[[noreturn]] void fail_out_of_memory(size_t bytes, int index, const BlockPool& pool) {
  constexpr double mib = 1 << 20;
  MemoryInfo info = memory_info(index);
  fail(ErrorKind::device,
       "cuda:{} is out of memory: {:.1f} MiB are wanted, {:.1f} of {:.1f} MiB are free and {:.1f} are in use "
       "by this "
       "program; a smaller batch needs less",
       index, bytes / mib, info.free / mib, info.total / mib, pool.used() / mib);
}

}  // namespace

bool capturing() {
  return captured_into != nullptr;
}

void refuse_while_capturing(const char* what) {
  if (capturing())
    fail(ErrorKind::device,
         "cuda: {} cannot be part of a captured step: a replayed step must stay on the GPU (read results "
         "between "
         "steps, or run the step eagerly)",
         what);
}

MemoryTrace::MemoryTrace(int index) : index_(index), outer_(std::exchange(innermost_trace, this)) {}
MemoryTrace::~MemoryTrace() {
  innermost_trace = outer_;
}

void MemoryTrace::note(const void* data, size_t bytes, int index) {
  if (index != index_ || !BlockPool::is_large(bytes)) return;
  living_[data] = lives_.size();
  lives_.push_back({bytes, events_++});
}

void MemoryTrace::note_release(const void* data) {
  auto found = living_.find(data);
  if (found == living_.end()) return;
  lives_[found->second].end = events_++;
  living_.erase(found);
}

MemoryPlan MemoryTrace::plan() const {
  return {lives_, BlockArea::granule};
}

Arena::Arena(int index, MemoryPlan plan) : pool_(std::make_shared<BlockPool>(index, std::move(plan))) {
  std::lock_guard lock(pools().mutex);
  pools().arenas.push_back(pool_);
}

Arena::~Arena() {
  std::lock_guard lock(pools().mutex);
  if (pool_->used() == 0) pools().arenas.remove(pool_);
}

Arena::Scope::Scope(Arena& arena) {
  captured_into = arena.pool_.get();
}
Arena::Scope::~Scope() {
  captured_into = nullptr;
}

void* allocate(size_t bytes, int index) {
  Context::use(index);
  std::lock_guard lock(pools().mutex);
  BlockPool& main = pools().main.try_emplace(index, index).first->second;
  BlockPool& pool = captured_into ? *captured_into : main;
  void* data = pool.allocate(bytes);
  if (!data && !captured_into) {
    main.trim();
    data = pool.allocate(bytes);
  }
  if (!data) fail_out_of_memory(bytes, index, pool);
  if (innermost_trace && !captured_into) innermost_trace->note(data, bytes, index);
  size_t& peak = pools().peaks[index];
  peak = std::max(peak, pools().used(index));
  return data;
}

void release(void* data, size_t, int index) noexcept {
  std::lock_guard lock(pools().mutex);
  if (pools().main.at(index).release(data)) {
    if (innermost_trace) innermost_trace->note_release(data);
    return;
  }
  for (auto arena = pools().arenas.begin(); arena != pools().arenas.end(); ++arena) {
    if (!(*arena)->release(data)) continue;
    if (!captured_into) pools().drop_unused_arenas();
    return;
  }
}

void trim(int index) {
  synchronize(index);
  std::lock_guard lock(pools().mutex);
  if (auto pool = pools().main.find(index); pool != pools().main.end()) pool->second.trim();
}

MemoryUse memory_use(int index) {
  std::lock_guard lock(pools().mutex);
  return {pools().used(index), pools().peaks[index]};
}

void reset_peak_memory(int index) {
  std::lock_guard lock(pools().mutex);
  pools().peaks[index] = pools().used(index);
}

void copy(void* to, Device to_device, const void* from, Device from_device, size_t bytes) {
  Context& context = Context::use(to_device.is_cuda() ? to_device.index : from_device.index);
  if (to_device.is_cuda() && from_device.is_cuda()) {
    if (to_device == from_device) {
      MANUL_CHECK_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, context.stream()));
      return;
    }
    synchronize(from_device.index);
    Context::use(to_device.index);
    MANUL_CHECK_CUDA(
        cudaMemcpyPeerAsync(to, to_device.index, from, from_device.index, bytes, context.stream()));
    synchronize(to_device.index);
    return;
  }
  refuse_while_capturing("a copy between the GPU and the host");
  WaitingForOthers waiting;  // sums over several GPUs may be on their way
  if (to_device.is_cuda()) {
    MANUL_CHECK_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, context.stream()));
    return;
  }
  MANUL_CHECK_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, context.stream()));
  MANUL_CHECK_CUDA(cudaStreamSynchronize(context.stream()));
}

void fill(void* to, unsigned char value, size_t bytes, int index) {
  MANUL_CHECK_CUDA(cudaMemsetAsync(to, value, bytes, Context::use(index).stream()));
}

void synchronize(int index) {
  refuse_while_capturing("waiting for the GPU");
  WaitingForOthers waiting;
  MANUL_CHECK_CUDA(cudaStreamSynchronize(Context::use(index).stream()));
}

MemoryInfo memory_info(int index) {
  Context::use(index);
  MemoryInfo info{};
  MANUL_CHECK_CUDA(cudaMemGetInfo(&info.free, &info.total));
  return info;
}

}  // namespace manul::cuda
