#pragma once

#include <array>

#include "manul/data/synthetic/canvas.h"
#include "manul/data/synthetic/synthetic.h"
#include "manul/framework/random.h"

// What decides how a drawn picture turns out.
namespace manul::drawing {

/// Draws of one picture.
class Dice {
 public:
  Dice(SyntheticAnimal animal, uint64_t seed, int64_t index)
      : Dice(static_cast<uint64_t>(animal), seed, index) {}
  Dice(uint64_t kind, uint64_t seed, int64_t index)
      : stream_(seed, RandomPurpose::synthetic_picture, kind, static_cast<uint64_t>(index)) {}
  float between(float low, float high) { return low + (high - low) * uniform_float(stream_.word()); }
  float around(float value, float spread) { return between(value - spread, value + spread); }
  /// The sum of two draws from [-0.5, 0.5) of 16 bits each.
  float noise() {
    uint32_t word = stream_.word();
    return static_cast<float>((word >> 16) + (word & 0xFFFF)) * (1.0f / 65536) - 1;
  }
  bool chance(float probability) { return between(0, 1) < probability; }
  template <class T, size_t n>
  const T& one_of(const std::array<T, n>& list) {
    return list[stream_.below(n)];
  }

 private:
  RandomStream stream_;
};

inline constexpr std::array<Color, 9> fur_colors{{{0.86f, 0.56f, 0.26f},
                                                  {0.55f, 0.53f, 0.52f},
                                                  {0.22f, 0.20f, 0.21f},
                                                  {0.90f, 0.86f, 0.80f},
                                                  {0.52f, 0.36f, 0.24f},
                                                  {0.76f, 0.66f, 0.52f},
                                                  {0.40f, 0.41f, 0.46f},
                                                  {0.70f, 0.45f, 0.28f},
                                                  {0.33f, 0.26f, 0.22f}}};
inline constexpr std::array<Color, 5> bright_colors{{{0.82f, 0.22f, 0.24f},
                                                     {0.20f, 0.44f, 0.78f},
                                                     {0.95f, 0.76f, 0.24f},
                                                     {0.30f, 0.62f, 0.44f},
                                                     {0.62f, 0.34f, 0.66f}}};

}  // namespace manul::drawing
