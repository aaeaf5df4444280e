#pragma once

#include <bit>
#include <cstdint>

#include "manul/framework/host_device.h"

namespace manul {

/// The upper half of an f32: its sign, its exponent and 7 bits of mantissa. For storage alone: arithmetic is
/// in float, which it becomes without a word and is made from by a cast. On a GPU it has the bits of
/// __nv_bfloat16.
struct bfloat16 {
  uint16_t bits;

  bfloat16() = default;
  /// The nearest, of two the even one; what is not a number becomes 0x7fff. A double is rounded to float
  /// first.
  MANUL_HOST_DEVICE explicit bfloat16(float value) : bits(nearest(value)) {}
  MANUL_HOST_DEVICE explicit bfloat16(double value) : bfloat16(static_cast<float>(value)) {}
  MANUL_HOST_DEVICE explicit bfloat16(int32_t value) : bfloat16(static_cast<float>(value)) {}
  MANUL_HOST_DEVICE static constexpr bfloat16 from_bits(uint16_t bits) {
    bfloat16 value{};
    value.bits = bits;
    return value;
  }

  MANUL_HOST_DEVICE operator float() const {
#ifdef __CUDA_ARCH__
    return __uint_as_float(uint32_t{bits} << 16);
#else
    return std::bit_cast<float>(uint32_t{bits} << 16);
#endif
  }

 private:
  MANUL_HOST_DEVICE static uint16_t nearest(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    uint16_t rounded;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(rounded) : "f"(value));
    return rounded;
#else
#ifdef __CUDA_ARCH__
    uint32_t whole = __float_as_uint(value);
#else
    auto whole = std::bit_cast<uint32_t>(value);
#endif
    uint32_t rounded = (whole + 0x7fffu + (whole >> 16 & 1u)) >> 16;
    return static_cast<uint16_t>((whole & 0x7fffffffu) > 0x7f800000u ? 0x7fffu : rounded);
#endif
  }
};

/// What arithmetic on elements of T is done in.
template <class T>
struct ComputeType {
  using type = T;
};
template <>
struct ComputeType<bfloat16> {
  using type = float;
};
template <class T>
using Compute = typename ComputeType<T>::type;

}  // namespace manul
