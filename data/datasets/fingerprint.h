#pragma once

#include <cstdint>
#include <string_view>

namespace manul {

/// A number that is another one if a bit of `count` bytes is, as far as 64 bits can tell; the same in each
/// run and on each machine of one byte order.
uint64_t hash_of_bytes(const void* bytes, int64_t count, uint64_t seed = 0);
inline uint64_t hash_of_text(std::string_view text, uint64_t seed = 0) {
  return hash_of_bytes(text.data(), static_cast<int64_t>(text.size()), seed);
}

/// What a picture looks like: equal for equal pixels.
struct Fingerprint {
  uint64_t hash = 0;
  bool one_colour = false;  // all pixels are equal
};
Fingerprint fingerprint_of(const uint8_t* pixels, int64_t bytes, int channels);

}  // namespace manul
