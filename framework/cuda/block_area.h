#pragma once

#include <map>
#include <set>

#include "manul/framework/cuda/address_range.h"
#include "manul/framework/memory_plan.h"

namespace manul::cuda {

/// Which of the free blocks that are large enough is taken.
enum class Fit { smallest, first };

/// Blocks of one GPU's memory, all small or all large: neighbours are joined again when they are released.
/// They lie in one AddressRange where that is possible, so that any two free neighbours make room for a
/// larger block, and otherwise in segments of the driver's, where the smallest one that fits is taken. In the
/// range blocks have the places of a plan, as far as it knows them; others lie behind it.
class BlockArea {
 public:
  /// Memory comes from the driver in pages of `page_bytes`.
  BlockArea(int index, size_t page_bytes, Fit fit, MemoryPlan plan = {})
      : index_(index), page_bytes_(page_bytes), fit_(fit), plan_(std::move(plan)) {}
  ~BlockArea();
  BlockArea(const BlockArea&) = delete;
  BlockArea& operator=(const BlockArea&) = delete;

  /// What blocks are multiples of.
  static constexpr size_t granule = 512;
  /// Null if neither the area nor the driver has the bytes.
  void* allocate(size_t bytes);
  /// False if the block is not of this area.
  bool release(void* data);
  /// Gives what no block uses back to the driver; not while a step is captured.
  void trim();
  /// Bytes in use, and bytes taken from the driver.
  size_t used() const { return used_; }
  size_t reserved() const { return range_ ? range_->mapped() : segment_bytes_; }

 private:
  struct Block {
    size_t bytes;
    bool used;
    bool begins_segment;
  };
  using Blocks = std::map<std::byte*, Block>;
  using Free = std::set<std::pair<size_t, std::byte*>>;

  struct Place {
    Blocks::iterator block;
    std::byte* data;
  };

  Free::key_type key(std::byte* data, size_t bytes) const;
  std::optional<Place> find(size_t asked, size_t bytes);
  std::optional<Place> find_planned(size_t asked, size_t bytes);
  void take(Place place, size_t bytes);
  void begin_segment(std::byte* data, size_t bytes);
  bool grow(size_t bytes);
  void join(Blocks::iterator first, Blocks::iterator second);
  void give_segments_back();

  int index_;
  size_t page_bytes_;
  Fit fit_;
  MemoryPlan plan_;
  bool began_ = false;
  std::unique_ptr<AddressRange> range_;  // null: segments
  Blocks blocks_;
  Free free_;  // by size and place, or by place alone
  size_t used_ = 0, segment_bytes_ = 0;
};

}  // namespace manul::cuda
