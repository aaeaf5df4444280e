#pragma once

#include <cstdint>

#include "manul/framework/host_device.h"

namespace manul {

/// What a random number is for: streams of different purposes never meet.
enum class RandomPurpose : uint32_t {
  initializer = 1,
  shuffle,
  augmentation,
  dropout,
  synthetic_picture,
  sample
};

/// 128 random bits.
struct RandomBits {
  uint32_t words[4];
};

/// Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// 2011): the same four words for the same key and counter, on every device, in any order.
MANUL_HOST_DEVICE inline RandomBits philox(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
  uint32_t c0 = static_cast<uint32_t>(counter_low), c1 = static_cast<uint32_t>(counter_low >> 32);
  uint32_t c2 = static_cast<uint32_t>(counter_high), c3 = static_cast<uint32_t>(counter_high >> 32);
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t{0xD2511F53} * c0;
    uint64_t product1 = uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(product1);
    c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(product0);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return {{c0, c1, c2, c3}};
}

/// [0, 1) with 24 random bits, exact in f32.
MANUL_HOST_DEVICE inline float uniform_float(uint32_t word) {
  return static_cast<float>(word >> 8) * (1.0f / 16777216.0f);
}

/// [0, 1) with 53 random bits.
MANUL_HOST_DEVICE inline double uniform_double(uint32_t high, uint32_t low) {
  return static_cast<double>((uint64_t{high} << 21) ^ (uint64_t{low} >> 11)) * (1.0 / 9007199254740992.0);
}

/// The random words of one key (seed, purpose, epoch or stream, sample or element), in order.
class RandomStream {
 public:
  MANUL_HOST_DEVICE RandomStream(uint64_t seed, RandomPurpose purpose, uint64_t stream, uint64_t index)
      : key_(seed),
        high_(stream * 8 + static_cast<uint64_t>(purpose) + (uint64_t{1} << 62)),
        low_(index << 16) {}

  MANUL_HOST_DEVICE uint32_t word() {
    if (used_ == 4) {
      bits_ = philox(key_, low_++, high_);
      used_ = 0;
    }
    return bits_.words[used_++];
  }
  /// [0, 1)
  MANUL_HOST_DEVICE double uniform() {
    uint32_t high = word();
    return uniform_double(high, word());
  }
  /// [low, high)
  MANUL_HOST_DEVICE double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// 0 .. count - 1
  MANUL_HOST_DEVICE uint32_t below(uint32_t count) {
    return static_cast<uint32_t>((uint64_t{word()} * count) >> 32);
  }

 private:
  uint64_t key_, high_, low_;
  RandomBits bits_{};
  int used_ = 4;
};

/// A 64-bit key of a path such as "conv2d/kernel" (FNV-1a), to give each name a stream of its own.
inline uint64_t random_key(const char* text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (; *text; ++text) hash = (hash ^ static_cast<unsigned char>(*text)) * 0x100000001b3;
  return hash;
}

}  // namespace manul
