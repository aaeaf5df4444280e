#pragma once

#include "manul/framework/random.h"
#include "manul/framework/step.h"

namespace manul {

/// The random words of elements 4 * block to 4 * block + 3 of a dropout in this step.
MANUL_HOST_DEVICE inline RandomBits dropout_bits(const StepState& state, uint64_t stream, int64_t block) {
  uint64_t here = stream + static_cast<uint64_t>(state.iteration) * 0x9E3779B97F4A7C15;
  RandomStream random(state.seed, RandomPurpose::dropout, here, static_cast<uint64_t>(block));
  RandomBits bits{};
  for (uint32_t& word : bits.words) word = random.word();
  return bits;
}

/// True with probability 1 - rate.
MANUL_HOST_DEVICE inline bool dropout_keeps(uint32_t word, double rate) {
  return uniform_float(word) >= static_cast<float>(rate);
}

}  // namespace manul
