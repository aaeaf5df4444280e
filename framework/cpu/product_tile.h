#pragma once

#include "manul/framework/cpu/vector.h"

namespace manul::cpu::blocked {

/// The tile of a product that lives in registers while the inner axis runs: rows, and vectors of columns.
inline constexpr int tile_rows = vector_registers == 32 ? 8 : 6;
inline constexpr int tile_vectors = vector_registers == 32 ? 3 : 2;
/// Rows of the right matrix that are multiplied at once: those of a tile's width stay in the first-level
/// cache.
inline constexpr int64_t inner_block = vector_registers == 32 ? 64 : 128;

}  // namespace manul::cpu::blocked
