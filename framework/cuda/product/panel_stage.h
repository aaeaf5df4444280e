#pragma once

#include <cstdint>
#include <type_traits>

#include "manul/framework/cuda/product/async_copy.h"

// The operands of a panel product (panel_product.h) on their way to shared memory; for .cu files.
namespace manul::cuda {

/// An operand that is multiplied as it lies in memory.
struct AsItIs {};

/// One operand in memory: element [index, k] at index * stride + k where the sum runs along the memory
/// (`along`), otherwise at k * stride + index. Where `Change` is not AsItIs, change(four elements, those of y
/// in the same places) are multiplied, and zeros must stay zeros.
template <bool along_, class Change = AsItIs>
struct PanelOperand {
  static constexpr bool along = along_, changed = !std::is_same_v<Change, AsItIs>;
  const float* data;
  int64_t stride;
  const float* y = nullptr;
  Change change = {};
};

/// A stage of one operand in shared memory: `extent` rows or columns of `depth` elements, copied by `threads`
/// threads in chunks of four.
template <class Operand, int extent, int depth, int threads>
class PanelStage {
 public:
  static constexpr int pitch = Operand::along ? depth + 4 : extent;
  static constexpr int matrix = Operand::along ? extent * pitch : depth * pitch;
  static constexpr int floats = matrix * (Operand::changed ? 2 : 1);

  /// For rows or columns from `first` on, of `count`, and elements of the sum from `k` on.
  __device__ PanelStage(const Operand& from, int64_t first, int64_t count, int64_t k)
      : step_(Operand::along ? depth : depth * from.stride) {
    if constexpr (Operand::changed) to_y_ = from.y - from.data;
#pragma unroll
    for (int j = 0; j < each; ++j) {
      int64_t index = first + index_of_chunk(j), at = k + k_of_chunk(j);
      inside_[j] = index < count && is_chunk(j);
      next_[j] =
          from.data + (inside_[j] ? Operand::along ? index * from.stride + at : at * from.stride + index : 0);
    }
  }
  /// Starts to copy the next stage, of which the first `left` elements of the sum exist.
  __device__ void start(float* to, int64_t left) {
#pragma unroll
    for (int j = 0; j < each; ++j) {
      if (!is_chunk(j)) continue;
      bool wanted = inside_[j] && k_of_chunk(j) < left;
      copy_async(to + place_of_chunk(j), next_[j], wanted);
      if constexpr (Operand::changed)
        copy_async(to + matrix + place_of_chunk(j), next_[j] + (wanted ? to_y_ : 0), wanted);
      next_[j] += wanted ? step_ : 0;
    }
  }
  /// Changes what this thread has copied.
  static __device__ void change(float* stage, const Operand& operand) {
    if (operand.change.changes_nothing()) return;
#pragma unroll
    for (int j = 0; j < each; ++j) {
      if (!is_chunk(j)) continue;
      auto* quad = reinterpret_cast<float4*>(stage + place_of_chunk(j));
      float4 value = *quad, y = *reinterpret_cast<float4*>(stage + matrix + place_of_chunk(j));
      *quad = operand.change(value, y);
    }
  }

  /// Which row or column the thread's element i is, for lane `lane` of `lanes`.
  template <int lanes>
  static __device__ int index_of(int lane, int i) {
    return Operand::along ? lane + lanes * i : 4 * (lane + lanes * (i / 4)) + i % 4;
  }

  /// values[i][j] = element [index_of(lane, i), k + j]
  template <int lanes, int count>
  static __device__ void read(const float* stage, int lane, int k, float (&values)[count][4]) {
    if constexpr (Operand::along) {
#pragma unroll
      for (int i = 0; i < count; ++i) {
        float4 quad = *reinterpret_cast<const float4*>(stage + (lane + lanes * i) * pitch + k);
        values[i][0] = quad.x, values[i][1] = quad.y, values[i][2] = quad.z, values[i][3] = quad.w;
      }
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int i = 0; i < count; i += 4) {
          float4 quad = *reinterpret_cast<const float4*>(stage + (k + j) * pitch + 4 * lane + lanes * i);
          values[i][j] = quad.x, values[i + 1][j] = quad.y, values[i + 2][j] = quad.z,
          values[i + 3][j] = quad.w;
        }
    }
  }

 private:
  static constexpr int chunks = extent * depth / 4, each = (chunks + threads - 1) / threads;
  static __device__ int chunk(int j) {
    return static_cast<int>(threadIdx.x) + j * threads;
  }
  static __device__ bool is_chunk(int j) {
    return chunks % threads == 0 || chunk(j) < chunks;
  }
  static __device__ int index_of_chunk(int j) {
    return Operand::along ? chunk(j) / (depth / 4) : chunk(j) % (extent / 4) * 4;
  }
  static __device__ int k_of_chunk(int j) {
    return Operand::along ? chunk(j) % (depth / 4) * 4 : chunk(j) / (extent / 4);
  }
  static __device__ int place_of_chunk(int j) {
    return Operand::along ? index_of_chunk(j) * pitch + k_of_chunk(j)
                          : k_of_chunk(j) * pitch + index_of_chunk(j);
  }

  const float* next_[each];
  bool inside_[each];
  int64_t step_, to_y_ = 0;
};

}  // namespace manul::cuda
