#include "manul/framework/cuda/block_pool.h"

#include <utility>

namespace manul::cuda {
namespace {

/// From here on a block is a large one.
constexpr size_t large_bytes = size_t{1} << 20;
/// What the driver is asked for at a time. Each page takes it some time.
constexpr size_t small_page = size_t{2} << 20, large_page = size_t{16} << 20;

}  // namespace

BlockPool::BlockPool(int index, MemoryPlan plan)
    : index_(index),
      small_(index, small_page, Fit::smallest),
      large_(index, large_page, Fit::first, std::move(plan)) {}

bool BlockPool::is_large(size_t bytes) {
  return bytes >= large_bytes;
}

void* BlockPool::allocate(size_t bytes) {
  return (is_large(bytes) ? large_ : small_).allocate(bytes);
}

bool BlockPool::release(void* data) {
  return small_.release(data) || large_.release(data);
}

void BlockPool::trim() {
  small_.trim();
  large_.trim();
}

}  // namespace manul::cuda
