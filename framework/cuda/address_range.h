#pragma once

#include <cstddef>
#include <memory>
#include <vector>

struct CUstream_st;

namespace manul::cuda {

class Context;

/// Addresses of one GPU, behind which memory is put page by page where it is needed: what lies side by side
/// is one piece, whenever its memory came.
class AddressRange {
 public:
  /// As many addresses as the GPU has memory, and once more. Null where GPU or driver know no such thing, or
  /// after refuse_more().
  static std::unique_ptr<AddressRange> reserve(int index, size_t page_bytes);
  /// This process reserves none any more: NCCL registers what a captured step sums with its peers, and knows
  /// whole allocations of the driver's alone.
  static void refuse_more();
  ~AddressRange();
  AddressRange(const AddressRange&) = delete;
  AddressRange& operator=(const AddressRange&) = delete;

  std::byte* data() const { return data_; }
  size_t bytes() const { return has_memory_.size() * page_bytes_; }
  /// Bytes of the memory behind it.
  size_t mapped() const { return mapped_; }
  /// Puts memory behind `bytes` bytes from `from` on where there is none. False if none is left.
  bool map(const std::byte* from, size_t bytes);
  /// Gives the memory of all pages that lie within these bytes back when the GPU's kernels are done: not
  /// while a step is captured.
  void unmap(const std::byte* from, size_t bytes);

 private:
  AddressRange(const Context& context, std::byte* data, size_t pages, size_t page_bytes);
  bool map_page(size_t page);
  bool allow_access(size_t begin, size_t end);
  void unmap_pages(size_t begin, size_t end);
  void wait() const;

  int index_;
  CUstream_st* stream_;
  std::byte* data_;
  size_t page_bytes_, mapped_ = 0;
  std::vector<bool> has_memory_;  // by page
};

}  // namespace manul::cuda
