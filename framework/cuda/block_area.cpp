#include "manul/framework/cuda/block_area.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <utility>

namespace manul::cuda {
namespace {

constexpr size_t segment_granule = size_t{2} << 20;
/// Small blocks share segments of this size, so that a model of many small tensors asks the driver a few
/// times only.
constexpr size_t smallest_segment = size_t{16} << 20;

size_t round_up(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

BlockArea::~BlockArea() {
  if (range_) return;
  for (auto& [data, block] : blocks_)
    if (block.begins_segment) cudaFree(data);
  cudaGetLastError();
}

BlockArea::Free::key_type BlockArea::key(std::byte* data, size_t bytes) const {
  return {fit_ == Fit::smallest ? bytes : 0, data};
}

/// Of the next block of that size, if the plan knows it and nothing lies there.
std::optional<BlockArea::Place> BlockArea::find_planned(size_t asked, size_t bytes) {
  std::optional<size_t> place = range_ ? plan_.next(asked) : std::nullopt;
  if (!place) return std::nullopt;
  std::byte* data = range_->data() + *place;
  auto block = std::prev(blocks_.upper_bound(data));
  bool fits = !block->second.used && data + bytes <= block->first + block->second.bytes;
  return fits ? std::optional(Place{block, data}) : std::nullopt;
}

std::optional<BlockArea::Place> BlockArea::find(size_t asked, size_t bytes) {
  if (auto planned = find_planned(asked, bytes)) return planned;
  if (fit_ == Fit::smallest) {
    auto found = free_.lower_bound({bytes, nullptr});
    if (found == free_.end()) return std::nullopt;
    return Place{blocks_.find(found->second), found->second};
  }
  std::byte* behind_plan = range_ ? range_->data() + plan_.bytes() : nullptr;
  for (const auto& [ignored, data] : free_) {
    auto block = blocks_.find(data);
    std::byte* from = std::max(data, behind_plan);
    if (from + bytes <= data + block->second.bytes) return Place{block, from};
  }
  return std::nullopt;
}

void BlockArea::begin_segment(std::byte* data, size_t bytes) {
  blocks_[data] = {bytes, false, true};
  free_.insert(key(data, bytes));
}

/// Makes a free block of at least these bytes.
bool BlockArea::grow(size_t bytes) {
  if (!std::exchange(began_, true)) {
    range_ = AddressRange::reserve(index_, page_bytes_);
    if (range_) begin_segment(range_->data(), range_->bytes());
    if (range_ && plan_.bytes() > range_->bytes() / 2) plan_ = {};  // more than the GPU has
    if (range_ && range_->bytes() >= bytes) return true;
    if (!range_) fit_ = Fit::smallest;  // the first place would often be a segment for something larger
  }
  if (range_) return false;
  void* segment = nullptr;
  size_t wanted = bytes > smallest_segment / 2 ? round_up(bytes, segment_granule) : smallest_segment;
  if (cudaMalloc(&segment, wanted) != cudaSuccess) {
    cudaGetLastError();
    wanted = round_up(bytes, granule);
    if (cudaMalloc(&segment, wanted) != cudaSuccess) {
      cudaGetLastError();
      return false;
    }
  }
  begin_segment(static_cast<std::byte*>(segment), wanted);
  segment_bytes_ += wanted;
  return true;
}

void* BlockArea::allocate(size_t asked) {
  size_t bytes = round_up(asked ? asked : 1, granule);
  if (!began_ && !grow(bytes)) return nullptr;
  auto place = find(asked, bytes);
  if (!place && grow(bytes)) place = find(asked, bytes);
  if (!place || (range_ && !range_->map(place->data, bytes))) return nullptr;
  take(*place, bytes);
  return place->data;
}

/// Cuts a free block into what is used and what is left before and behind it.
void BlockArea::take(Place place, size_t bytes) {
  auto [block, data] = place;
  size_t before = data - block->first, behind = block->second.bytes - before - bytes;
  free_.erase(key(block->first, block->second.bytes));
  if (before > 0) {
    block->second.bytes = before;
    free_.insert(key(block->first, before));
    block = blocks_.insert_or_assign(data, Block{0, false, false}).first;
  }
  if (behind > 0) {
    blocks_[data + bytes] = {behind, false, false};
    free_.insert(key(data + bytes, behind));
  }
  block->second.bytes = bytes;
  block->second.used = true;
  used_ += bytes;
}

void BlockArea::join(Blocks::iterator first, Blocks::iterator second) {
  free_.erase(key(first->first, first->second.bytes));
  free_.erase(key(second->first, second->second.bytes));
  first->second.bytes += second->second.bytes;
  blocks_.erase(second);
  free_.insert(key(first->first, first->second.bytes));
}

bool BlockArea::release(void* data) {
  auto block = blocks_.find(static_cast<std::byte*>(data));
  if (block == blocks_.end()) return false;
  block->second.used = false;
  used_ -= block->second.bytes;
  free_.insert(key(block->first, block->second.bytes));
  if (auto next = std::next(block);
      next != blocks_.end() && !next->second.used && !next->second.begins_segment)
    join(block, next);
  if (!block->second.begins_segment)
    if (auto previous = std::prev(block); !previous->second.used) join(previous, block);
  return true;
}

void BlockArea::trim() {
  if (!range_) return give_segments_back();
  for (const auto& [data, block] : blocks_)
    if (!block.used) range_->unmap(data, block.bytes);
}

void BlockArea::give_segments_back() {
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    auto next = std::next(block);
    bool whole_segment =
        block->second.begins_segment && (next == blocks_.end() || next->second.begins_segment);
    if (whole_segment && !block->second.used) {
      cudaFree(block->first);
      segment_bytes_ -= block->second.bytes;
      free_.erase(key(block->first, block->second.bytes));
      blocks_.erase(block);
    }
    block = next;
  }
}

}  // namespace manul::cuda
