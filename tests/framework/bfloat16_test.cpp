#include "manul/framework/bfloat16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "manul/framework/random.h"
#include "manul/framework/tensor.h"
#include "manul/testing/op_check.h"

namespace manul {
namespace {

/// The number of these bits, by the definition of the format: a sign, 8 bits of exponent, 7 of mantissa.
double number_of(uint16_t bits) {
  double sign = bits >> 15 ? -1 : 1;
  int exponent = bits >> 7 & 0xff, mantissa = bits & 0x7f;
  if (exponent == 0xff)
    return mantissa ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(mantissa, -133) : std::ldexp(128 + mantissa, exponent - 134));
}

/// The nearest number of the format, of two the one with an even last bit, in exact arithmetic.
double nearest(double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  double unit = std::ldexp(1.0, std::max(std::ilogb(value), -126) - 7);
  double rounded = std::nearbyint(value / unit) * unit;
  return std::abs(rounded) >= std::ldexp(1.0, 128)
             ? std::copysign(std::numeric_limits<double>::infinity(), value)
             : rounded;
}

std::vector<uint16_t> all_bits() {
  std::vector<uint16_t> all(65536);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  return all;
}

/// Floats of all exponents, those that lie halfway between two bf16, and their neighbours.
std::vector<float> floats_to_round() {
  std::vector<float> values{0.0F,
                            -0.0F,
                            std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::max(),
                            std::numeric_limits<float>::denorm_min()};
  RandomStream random(3, RandomPurpose::sample, 0, 0);
  for (int i = 0; i < 200000; ++i) {
    uint32_t bits = random.below(0xffffffff);
    if (i % 3 == 1) bits = (bits & 0xffff0000u) | 0x8000u;
    if (i % 3 == 2) bits = (bits & 0xffff0000u) | (bits & 1 ? 0x8001u : 0x7fffu);
    float value;
    std::memcpy(&value, &bits, sizeof value);
    values.push_back(value);
  }
  return values;
}

TEST(Bfloat16, IsTheUpperHalfOfAnF32) {
  for (uint16_t bits : all_bits()) {
    bfloat16 value = bfloat16::from_bits(bits);
    double number = number_of(bits);
    if (std::isnan(number)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(value)) && std::isnan(static_cast<float>(bfloat16(value))));
      continue;
    }
    ASSERT_EQ(static_cast<double>(static_cast<float>(value)), number) << bits;
    ASSERT_EQ(bfloat16(static_cast<float>(value)).bits, bits);
  }
}

TEST(Bfloat16, RoundsToTheNearestAndOfTwoToTheEvenOne) {
  for (float value : floats_to_round()) {
    bfloat16 rounded(value);
    if (std::isnan(value))
      ASSERT_EQ(rounded.bits, 0x7fff);
    else
      ASSERT_EQ(static_cast<double>(static_cast<float>(rounded)), nearest(value)) << value;
  }
}

TEST(Bfloat16, IsRoundedAlikeByEveryDevice) {
  std::vector<float> values = floats_to_round();
  Tensor floats = Tensor::from(values, {static_cast<int64_t>(values.size())});
  for (Device device : test_devices()) {
    Tensor converted = floats.to(device).to(DType::bf16);
    std::vector<bfloat16> rounded = converted.to_vector<bfloat16>();
    std::vector<float> again = converted.to(DType::f32).to_vector<float>();
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(rounded[i].bits, bfloat16(values[i]).bits) << values[i] << " on " << device.name();
      if (std::isnan(values[i])) continue;
      ASSERT_EQ(again[i], static_cast<float>(bfloat16(values[i])));
    }
    // A length that is no multiple of what a thread takes, from an address that is none.
    Tensor odd = converted.range(1, {1001}).to(DType::f32);
    EXPECT_EQ(odd.to_vector<float>()[1000], again[1001]) << device.name();
  }
}

TEST(Bfloat16, IsADTypeOfTensors) {
  EXPECT_EQ(size_of(DType::bf16), 2);
  EXPECT_EQ(name_of(DType::bf16), "bf16");
  EXPECT_EQ(compute_dtype(DType::bf16), DType::f32);
  for (Device device : test_devices()) {
    Tensor ones = Tensor::full({5}, 1.0078125, DType::bf16, device);
    EXPECT_EQ(ones.bytes(), 10U);
    EXPECT_EQ(ones.to(DType::f64).to_vector<double>(), std::vector<double>(5, 1.0078125));
    EXPECT_EQ(
        Tensor::from(std::vector<int32_t>{257}, {1}, device).to(DType::bf16).to(DType::f32).item<float>(),
        256);
  }
}

}  // namespace
}  // namespace manul
