#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace manul::cuda {

/// Blocks of one GPU's memory, cut from large segments: best fit, neighbours joined again when released. What
/// is released is reused at once, so all users must follow one stream.
class BlockPool {
 public:
  explicit BlockPool(int index) : index_(index) {}
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  /// Null if neither the pool nor the driver has the bytes.
  void* allocate(size_t bytes);
  /// False if the block is not of this pool.
  bool release(void* data);
  /// Gives segments without a used block back to the driver.
  void trim();
  int index() const { return index_; }
  /// Bytes in use, and bytes taken from the driver.
  size_t used() const { return used_; }
  size_t reserved() const { return reserved_; }

 private:
  struct Block {
    size_t bytes;
    bool used;
    bool begins_segment;
  };
  using Blocks = std::map<std::byte*, Block>;

  std::byte* grow(size_t bytes);
  void join(Blocks::iterator first, Blocks::iterator second);

  int index_;
  Blocks blocks_;
  std::set<std::pair<size_t, std::byte*>> free_;
  size_t used_ = 0, reserved_ = 0;
};

/// Where the memory of one captured step comes from: it must stay as long as the graph may run or a tensor of
/// it lives.
class Arena {
 public:
  explicit Arena(int index);
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
