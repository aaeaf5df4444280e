#pragma once

#include <memory>

#include "manul/framework/cuda/block_area.h"

namespace manul::cuda {

/// Blocks of one GPU's memory. What is released is reused at once, so all users must follow one stream. Small
/// blocks lie apart, where they fit best; a large one takes the first place that has room for it, which keeps
/// what a step needs close to what it has at most at a time.
class BlockPool {
 public:
  /// With a plan large blocks have its places.
  explicit BlockPool(int index, MemoryPlan plan = {});

  /// Null if neither the pool nor the driver has the bytes.
  void* allocate(size_t bytes);
  /// False if the block is not of this pool.
  bool release(void* data);
  /// Gives what no block uses back to the driver; not while a step is captured.
  void trim();
  int index() const { return index_; }
  static bool is_large(size_t bytes);
  /// Bytes in use, and bytes taken from the driver.
  size_t used() const { return small_.used() + large_.used(); }
  size_t reserved() const { return small_.reserved() + large_.reserved(); }

 private:
  int index_;
  BlockArea small_, large_;
};

/// Where the memory of one captured step comes from: it must stay as long as the graph may run or a tensor of
/// it lives.
class Arena {
 public:
  Arena(int index, MemoryPlan plan);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// While one is alive, this thread's allocations come from `arena`.
  class Scope {
   public:
    explicit Scope(Arena& arena);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
  };

 private:
  std::shared_ptr<BlockPool> pool_;
};

}  // namespace manul::cuda
