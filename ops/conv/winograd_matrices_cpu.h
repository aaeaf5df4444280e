#pragma once

#include <vector>

#include "manul/framework/cpu/product_tile.h"
#include "manul/ops/conv/winograd_squares_cpu.h"

// How the matrices of Winograd's transforms are cut for threads and caches. Included by vector kernels
// (ops/*_cpu.cpp) only.
namespace manul::cpu::squares {

inline constexpr int64_t least_tasks = 16;

/// Parts of the columns of a product, one a task: the widest that tiles of products do best.
inline Parts column_parts(int64_t columns) {
  constexpr int64_t most = 48, whole_tile = vector_registers == 32 ? width : 2 * width;
  return {columns, most, whole_tile};
}
/// Parts of the inner axis, whose rows of both sides stay in the nearest cache: as long as products cut it.
inline Parts inner_parts(int64_t inner) {
  return {inner, blocked::inner_block};
}
/// All in one.
inline Parts one_part(int64_t columns) {
  return {columns, columns};
}

/// Lines of tiles that are done at once, for matrices of `columns` channels in all; so many that a product
/// has rows enough for what it reads of its other side.
inline int64_t lines_at_once(const Tiles& tiles, int64_t columns, int64_t lines, int64_t most_elements,
                             int64_t least_rows = 96) {
  int64_t rows = std::max(most_elements / (positions * columns), least_rows);
  return std::clamp<int64_t>(rows / tiles.tiles_a_line, 1, lines);
}

/// An input whose channels lie in these tensors.
inline std::vector<ChannelPart> channel_parts(std::span<const Tensor> x) {
  std::vector<ChannelPart> parts;
  for (const Tensor& part : x) parts.push_back({part.data<float>(), part.shape()[3]});
  return parts;
}

/// Matrices and memory for them.
struct OwnMatrices {
  Tensor memory;
  Matrices<float> all;
  OwnMatrices(int64_t rows, int64_t columns) : all{nullptr, rows, columns} {
    memory = Tensor::empty({all.elements()}, DType::f32);
    all.data = memory.mutable_data<float>();
  }
};

/// The same in parts.
struct OwnParts {
  Tensor memory;
  PartedMatrices all;
  OwnParts(int64_t rows, Parts parts, int64_t gap = 0) : all{nullptr, rows, parts, gap} {
    memory = Tensor::empty({all.elements(parts.count)}, DType::f32);
    all.data = memory.mutable_data<float>();
  }
};

}  // namespace manul::cpu::squares
