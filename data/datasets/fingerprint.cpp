#include "manul/data/datasets/fingerprint.h"

#include <array>
#include <cstring>

namespace manul {
namespace {

/// A bijection of 64 bits (the end of MurmurHash3, by Austin Appleby).
uint64_t mixed(uint64_t value) {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccd;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53;
  return value ^ (value >> 33);
}

uint64_t word_at(const char* bytes, int64_t count) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, static_cast<size_t>(count));
  return word;
}

}  // namespace

// FNV-1a over words of eight bytes, in four lanes that do not wait for one another.
uint64_t hash_of_bytes(const void* bytes, int64_t count, uint64_t seed) {
  constexpr uint64_t prime = 0x100000001b3;
  const auto* from = static_cast<const char*>(bytes);
  std::array<uint64_t, 4> lanes{};
  for (size_t lane = 0; lane < lanes.size(); ++lane) lanes[lane] = mixed(seed + lane + 1);
  int64_t i = 0;
  for (; i + 32 <= count; i += 32)
    for (size_t lane = 0; lane < lanes.size(); ++lane) {
      uint64_t value = (lanes[lane] ^ word_at(from + i + 8 * static_cast<int64_t>(lane), 8)) * prime;
      lanes[lane] = value ^ (value >> 32);
    }
  for (size_t lane = 0; i < count; i += 8, ++lane)
    lanes[lane] = mixed(lanes[lane] ^ word_at(from + i, count - i < 8 ? count - i : 8));
  uint64_t hash = mixed(static_cast<uint64_t>(count));
  for (uint64_t lane : lanes) hash = mixed(hash ^ lane);
  return hash;
}

Fingerprint fingerprint_of(const uint8_t* pixels, int64_t bytes, int channels) {
  return {hash_of_bytes(pixels, bytes),
          bytes <= channels ||
              std::memcmp(pixels, pixels + channels, static_cast<size_t>(bytes - channels)) == 0};
}

}  // namespace manul
