#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "manul/framework/available_memory.h"
#include "manul/framework/error.h"
#include "manul/framework/memory.h"

namespace manul::cpu {
namespace {

constexpr size_t alignment = 64, large_page = size_t{2} << 20;

size_t rounded(size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Memory from the system; null if there is none. A large block has a mapping of its own and asks for large
/// pages: streams through a model's parameters then wait for fewer addresses to be looked up. From malloc it
/// may be memory that somebody had before, in small pages, which stay what they are.
void* new_block(size_t size) {
  if (size < large_page) return std::aligned_alloc(alignment, size);
  // Systems give out more memory than they have, and then kill the program that uses it.
  constexpr size_t large_block = size_t{64} << 20;
  if (size >= large_block && static_cast<int64_t>(size) > available_memory()) return nullptr;
  void* mapped = mmap(nullptr, size + large_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(mapped);
  const size_t before = (large_page - reinterpret_cast<uintptr_t>(mapped) % large_page) % large_page;
  std::byte* block = begin + before;
  if (before > 0) munmap(begin, before);
  const size_t small_page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t used = (size + small_page - 1) / small_page * small_page;
  const size_t behind = (size + large_page + small_page - 1) / small_page * small_page - before - used;
  if (behind > 0) munmap(block + used, behind);
#if defined(MADV_HUGEPAGE)
  madvise(block, size, MADV_HUGEPAGE);
#endif
  return block;
}

void free_block(void* block, size_t size) {
  if (size < large_page)
    std::free(block);
  else
    munmap(block, size);
}

/// Blocks by size. A training step asks for the same sizes again and again; giving pages back to the system
/// in between would cost more in page faults than the step's arithmetic.
struct Pool {
  std::mutex mutex;
  std::unordered_map<size_t, std::vector<void*>> blocks;
  size_t kept = 0;
  size_t used = 0, most_used = 0;  // bytes that are given out: now, and at most since give_back_pool()

  /// Whether a block that comes back stays: then the process never has more than `spare` beyond what its
  /// tensors took at once, which the next step will take again.
  bool has_room(size_t size) const {
    constexpr size_t spare = size_t{256} << 20;
    return used + kept + size <= most_used + spare;
  }
  void give_out(size_t size) {
    used += size;
    most_used = std::max(most_used, used);
  }
};
/// Less is kept when a model goes: models that come and go would pay for the same pages again and again.
constexpr size_t kept_between_models = size_t{32} << 20;

Pool& pool() {
  static Pool* instance = new Pool;  // never destroyed: tensors may outlive static destructors
  return *instance;
}

/// Takes a block of `size` bytes from the pool; null if it has none.
void* take_from_pool(size_t size) {
  std::lock_guard lock(pool().mutex);
  auto& blocks = pool().blocks[size];
  if (blocks.empty()) return nullptr;
  void* block = blocks.back();
  blocks.pop_back();
  pool().kept -= size;
  pool().give_out(size);
  return block;
}

void give_to_pool(void* block, size_t size) {
  {
    std::lock_guard lock(pool().mutex);
    pool().used -= size;
    if (pool().has_room(size)) {
      pool().blocks[size].push_back(block);
      pool().kept += size;
      return;
    }
  }
  free_block(block, size);
}

/// A few small blocks that this thread has released; one keeps its place until its size is asked for again.
/// Kernels ask for scratch in each of their parts: without a lock, and each thread finds its own in its own
/// cache.
class RecentBlocks {
 public:
  ~RecentBlocks() {
    for (Block& block : blocks_)
      if (block.data) give_to_pool(block.data, block.size);
    gone = true;
  }

  /// Null if there is none of this size.
  void* take(size_t size) {
    for (Block& block : blocks_)
      if (block.data && block.size == size) return std::exchange(block.data, nullptr);
    return nullptr;
  }

  /// False if it has no place for it.
  bool keep(void* data, size_t size) {
    if (size > most_bytes) return false;
    for (Block& block : blocks_)
      if (!block.data) {
        block = {data, size};
        return true;
      }
    return false;
  }

  /// True at the end of a thread, when its tensors may still come.
  static thread_local bool gone;

 private:
  static constexpr size_t most_bytes = 64 << 10;
  struct Block {
    void* data = nullptr;
    size_t size = 0;
  };
  std::array<Block, 8> blocks_;
};

thread_local bool RecentBlocks::gone = false;
thread_local RecentBlocks recent_blocks;

}  // namespace

void give_back_pool() {
  decltype(Pool::blocks) blocks;
  {
    std::lock_guard lock(pool().mutex);
    pool().most_used = pool().used;
    if (pool().kept <= kept_between_models) return;
    std::swap(blocks, pool().blocks);
    pool().kept = 0;
  }
  for (auto& [size, of_size] : blocks)
    for (void* block : of_size) free_block(block, size);
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

void* allocate(size_t bytes) {
  size_t size = rounded(bytes ? bytes : 1);
  void* block = RecentBlocks::gone ? nullptr : recent_blocks.take(size);
  if (!block) block = take_from_pool(size);
  if (block) return block;
  block = new_block(size);
  if (!block) fail(ErrorKind::failed, "memory: no {} bytes are left on the cpu", bytes);
  std::lock_guard lock(pool().mutex);
  pool().give_out(size);
  return block;
}

void release(void* data, size_t bytes) {
  size_t size = rounded(bytes ? bytes : 1);
  if (RecentBlocks::gone || !recent_blocks.keep(data, size)) give_to_pool(data, size);
}

}  // namespace manul::cpu
