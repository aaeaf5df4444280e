#pragma once

#include <cstddef>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tensor.h"

namespace manul::cpu {

/// Hands elements [begin, end) to `taker` in parallel; `gradient` points to element 0, each of `size` bytes.
inline void take_range(const GradientTaker& taker, int64_t begin, int64_t end, const void* gradient,
                       int64_t size) {
  constexpr int64_t grain = 1 << 14;
  const auto* bytes = static_cast<const std::byte*>(gradient);
  parallel_for(end - begin, grain, [&](int64_t first, int64_t last) {
    taker.take(begin + first, last - first, bytes + (begin + first) * size);
  });
}

}  // namespace manul::cpu
