#pragma once

#include <cmath>

#include "manul/framework/random.h"
#include "manul/framework/step.h"

namespace manul {

/// What random numbers are like: uniform in [first, second); normal with mean `first` and deviation `second`;
/// 1 with probability `first`, else 0.
enum class Distribution { uniform, normal, bernoulli };

/// The random words number `index` of a layer's stream in this step.
MANUL_HOST_DEVICE inline RandomStream step_stream(const StepState& state, uint64_t stream, int64_t index) {
  uint64_t here = stream + static_cast<uint64_t>(state.iteration) * 0x9E3779B97F4A7C15;
  return {state.seed, RandomPurpose::dropout, here, static_cast<uint64_t>(index)};
}

/// Two normal numbers from two words (Box and Muller 1958).
MANUL_HOST_DEVICE inline void normal_pair(uint32_t a, uint32_t b, float& first, float& second) {
  float radius = std::sqrt(-2.0f * std::log((static_cast<float>(a >> 8) + 0.5f) * (1.0f / 16777216.0f)));
  float angle = 6.28318530718f * uniform_float(b);
  first = radius * std::cos(angle);
  second = radius * std::sin(angle);
}

/// Four numbers from one block of words.
MANUL_HOST_DEVICE inline void draw_four(Distribution distribution, double first, double second,
                                        RandomStream random, float (&numbers)[4]) {
  uint32_t words[4];
  for (uint32_t& word : words) word = random.word();
  float a = static_cast<float>(first), b = static_cast<float>(second);
  switch (distribution) {
    case Distribution::uniform:
      for (int i = 0; i < 4; ++i) numbers[i] = a + (b - a) * uniform_float(words[i]);
      return;
    case Distribution::normal:
      normal_pair(words[0], words[1], numbers[0], numbers[1]);
      normal_pair(words[2], words[3], numbers[2], numbers[3]);
      for (float& number : numbers) number = a + b * number;
      return;
    case Distribution::bernoulli:
      for (int i = 0; i < 4; ++i) numbers[i] = uniform_float(words[i]) < a ? 1.0f : 0.0f;
      return;
  }
}

}  // namespace manul
