#pragma once

#include "manul/framework/cpu/product_tile.h"
#include "manul/ops/conv/conv2d_input_cpu.h"

// The sums of a kernel's gradient and how threads share them. Included by conv2d_backward_kernel_cpu.cpp
// only.
namespace manul::cpu {

/// How the work is divided: the batch into parts with their own sums, as many as their memory allows, and the
/// filters and the window's pieces into groups. Only the parts decide in which order is added.
struct KernelDivision {
  static constexpr int64_t least_pixels = 128;     // of a block
  static constexpr int64_t part_pixels = 1 << 10;  // at least, to pay for sums of their own
  static constexpr int64_t most_sums = 1 << 20;    // elements of the sums in all parts together
  static constexpr int64_t most_parts = 32;
  static constexpr int most_pieces = blocked::tile_vectors;  // gathered at once
  // Sums that a task adds to, block by block, which stay in its cache.
  static constexpr int64_t task_filters = 256, task_channels = 288;

  KernelDivision(int64_t blocks, int64_t outputs, int64_t filters, int64_t pieces, int64_t lanes)
      : blocks(blocks), filters(filters), pieces(pieces) {
    const int64_t part_step = filters * (pieces * lanes + 1);
    const int64_t wanted =
        std::clamp(std::min(most_sums / part_step, outputs / part_pixels), int64_t{1}, most_parts);
    blocks_per_part = std::max((blocks + wanted - 1) / wanted, int64_t{1});
    parts = (blocks + blocks_per_part - 1) / blocks_per_part;
    filter_groups = (filters + task_filters - 1) / task_filters;
    const int64_t most_groups = std::max((pieces + most_pieces - 1) / most_pieces, int64_t{1});
    const int64_t others = std::max(parts * filter_groups, int64_t{1}), least_tasks = int64_t{4} * threads();
    const int64_t for_threads = (least_tasks + others - 1) / others;
    const int64_t for_cache = blocks_per_part > 1 ? pieces * lanes / task_channels : 1;
    groups = std::clamp(std::max(for_threads, for_cache), int64_t{1}, most_groups);
  }

  /// One part's blocks, filters and pieces of the window.
  struct Task {
    int64_t part, begin_block, end_block, filter, filters, piece, pieces;
  };
  int64_t tasks() const { return parts * filter_groups * groups; }
  Task task(int64_t index) const {
    const int64_t part = index / groups / filter_groups, some = index / groups % filter_groups;
    const int64_t group = index % groups, begin_block = part * blocks_per_part;
    const int64_t filter = filters * some / filter_groups, piece = pieces * group / groups;
    return {part,
            begin_block,
            std::min(begin_block + blocks_per_part, blocks),
            filter,
            filters * (some + 1) / filter_groups - filter,
            piece,
            pieces * (group + 1) / groups - piece};
  }

  /// Blocks that so many outputs are cut into at least.
  static int64_t least_blocks(int64_t outputs) {
    return std::clamp(outputs / least_pixels, int64_t{1}, most_parts);
  }

  int64_t blocks, filters, pieces, blocks_per_part, parts, filter_groups, groups;
};

/// The sums of one group's kernel, [parts][filters][pieces][lanes] and those of the bias. One part whose
/// pieces lie like the kernel is the kernel's gradient itself.
template <class T>
class KernelSums {
 public:
  KernelSums(const KernelDivision& division, const BlockedInput<T>& input, int64_t filters, int64_t elements,
             T* dkernel)
      : parts_(division.parts), filters_(filters), elements_(elements), runs_(input.runs), dkernel_(dkernel) {
    int64_t covered = 0;
    bool whole = true;
    for (const Run& run : runs_) {
      whole = whole && run.length % lanes<T> == 0 && run.weight == covered;
      covered += run.length;
    }
    direct_ = parts_ == 1 && whole && covered == elements;
    filter_step = division.pieces * lanes<T>;
    part_step_ = filters * ((direct_ ? 0 : filter_step) + 1);
    memory_ = Tensor::empty({parts_ * part_step_}, dtype_of<T>);
  }
  T* of(int64_t part) const { return direct_ ? dkernel_ : memory_.mutable_data<T>() + part * part_step_; }
  T* bias_of(int64_t part) const { return memory_.mutable_data<T>() + (part + 1) * part_step_ - filters_; }

  /// dbias may be null.
  void add_up(T* dbias) const {
    if (!direct_)
      add_parts(of(0), parts_, part_step_, filters_, std::span<const Run>(runs_), elements_, dkernel_);
    if (dbias) add_bias_parts(bias_of(0), parts_, part_step_, filters_, dbias);
  }

  int64_t filter_step;

 private:
  int64_t parts_, filters_, elements_;
  std::span<const Run> runs_;
  T* dkernel_;
  bool direct_;
  int64_t part_step_;
  Tensor memory_;
};

}  // namespace manul::cpu
