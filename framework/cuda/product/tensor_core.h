#pragma once

#include <cstdint>

// Products of small matrices in TF32 on tensor cores, a warp each (compute capability 8.0); for .cu files.
namespace manul::cuda {

/// Rounded to the 10 bits of mantissa that TF32 has.
__device__ inline uint32_t to_tf32(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(value));
  return rounded;
#else
  return 0;
#endif
}

/// c += a · b for a [16, 8], b [8, 8], c [16, 8]. With row = lane / 4 and column = lane % 4 a lane has
/// a: [row, column], [row + 8, column], [row, column + 4], [row + 8, column + 4];
/// b: [column, row], [column + 4, row];
/// c: [row, 2 column], [row, 2 column + 1], [row + 8, 2 column], [row + 8, 2 column + 1].
__device__ inline void multiply_add_tf32(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

}  // namespace manul::cuda
