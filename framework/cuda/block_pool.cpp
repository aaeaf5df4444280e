#include "manul/framework/cuda/block_pool.h"

#include <cuda_runtime_api.h>

namespace manul::cuda {
namespace {

constexpr size_t granule = 512;
constexpr size_t segment_granule = size_t{2} << 20;
/// Small blocks share segments of this size, so that a model of many small tensors asks the driver a few
/// times only.
constexpr size_t smallest_segment = size_t{16} << 20;

size_t round_up(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

BlockPool::~BlockPool() {
  for (auto& [data, block] : blocks_)
    if (block.begins_segment) cudaFree(data);
  cudaGetLastError();
}

std::byte* BlockPool::grow(size_t bytes) {
  void* segment = nullptr;
  size_t wanted = bytes > smallest_segment / 2 ? round_up(bytes, segment_granule) : smallest_segment;
  if (cudaMalloc(&segment, wanted) != cudaSuccess) {
    cudaGetLastError();
    wanted = round_up(bytes, granule);
    if (cudaMalloc(&segment, wanted) != cudaSuccess) {
      cudaGetLastError();
      return nullptr;
    }
  }
  auto* data = static_cast<std::byte*>(segment);
  blocks_[data] = {wanted, false, true};
  free_.insert({wanted, data});
  reserved_ += wanted;
  return data;
}

void* BlockPool::allocate(size_t bytes) {
  bytes = round_up(bytes ? bytes : 1, granule);
  auto found = free_.lower_bound({bytes, nullptr});
  if (found == free_.end()) {
    std::byte* segment = grow(bytes);
    if (!segment) return nullptr;
    found = free_.find({blocks_[segment].bytes, segment});
  }
  std::byte* data = found->second;
  free_.erase(found);
  Block& block = blocks_[data];
  if (block.bytes > bytes) {
    blocks_[data + bytes] = {block.bytes - bytes, false, false};
    free_.insert({block.bytes - bytes, data + bytes});
    block.bytes = bytes;
  }
  block.used = true;
  used_ += bytes;
  return data;
}

void BlockPool::join(Blocks::iterator first, Blocks::iterator second) {
  free_.erase({first->second.bytes, first->first});
  free_.erase({second->second.bytes, second->first});
  first->second.bytes += second->second.bytes;
  blocks_.erase(second);
  free_.insert({first->second.bytes, first->first});
}

bool BlockPool::release(void* data) {
  auto block = blocks_.find(static_cast<std::byte*>(data));
  if (block == blocks_.end()) return false;
  block->second.used = false;
  used_ -= block->second.bytes;
  free_.insert({block->second.bytes, block->first});
  if (auto next = std::next(block);
      next != blocks_.end() && !next->second.used && !next->second.begins_segment)
    join(block, next);
  if (!block->second.begins_segment)
    if (auto previous = std::prev(block); !previous->second.used) join(previous, block);
  return true;
}

void BlockPool::trim() {
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    auto next = std::next(block);
    bool whole_segment =
        block->second.begins_segment && (next == blocks_.end() || next->second.begins_segment);
    if (whole_segment && !block->second.used) {
      cudaFree(block->first);
      reserved_ -= block->second.bytes;
      free_.erase({block->second.bytes, block->first});
      blocks_.erase(block);
    }
    block = next;
  }
}

}  // namespace manul::cuda
