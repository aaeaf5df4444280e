#include <sys/mman.h>

#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "framework/error.h"
#include "framework/memory.h"

namespace manul::cpu {
namespace {

constexpr size_t alignment = 64;

size_t rounded(size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Blocks by size. A training step asks for the same sizes again and again; giving pages back to the system
/// in between would cost more in page faults than the step's arithmetic.
struct Pool {
  std::mutex mutex;
  std::unordered_map<size_t, std::vector<void*>> blocks;
  size_t kept = 0;
};
constexpr size_t most_kept = size_t{256} << 20;

Pool& pool() {
  static Pool* instance = new Pool;  // never destroyed: tensors may outlive static destructors
  return *instance;
}

/// Memory from the system; null if there is none. A large block asks for large pages: streams through a
/// model's parameters then wait for fewer addresses to be looked up.
void* new_block(size_t size) {
  constexpr size_t large_page = size_t{2} << 20;
  if (size < 2 * large_page) return std::aligned_alloc(alignment, size);
  void* block = std::aligned_alloc(large_page, (size + large_page - 1) / large_page * large_page);
#if defined(MADV_HUGEPAGE)
  if (block) madvise(block, size, MADV_HUGEPAGE);
#endif
  return block;
}

}  // namespace

void* allocate(size_t bytes) {
  size_t size = rounded(bytes ? bytes : 1);
  {
    std::lock_guard lock(pool().mutex);
    auto& blocks = pool().blocks[size];
    if (!blocks.empty()) {
      void* block = blocks.back();
      blocks.pop_back();
      pool().kept -= size;
      return block;
    }
  }
  void* block = new_block(size);
  if (!block) fail(ErrorKind::failed, "memory: no {} bytes are left on the cpu", bytes);
  return block;
}

void release(void* data, size_t bytes) {
  size_t size = rounded(bytes ? bytes : 1);
  {
    std::lock_guard lock(pool().mutex);
    if (pool().kept + size <= most_kept) {
      pool().blocks[size].push_back(data);
      pool().kept += size;
      return;
    }
  }
  std::free(data);
}

}  // namespace manul::cpu
