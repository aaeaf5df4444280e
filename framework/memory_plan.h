#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

namespace manul {

/// A block of memory: allocated by event `begin`, released by event `end`.
struct BlockLife {
  static constexpr int64_t never = std::numeric_limits<int64_t>::max();
  size_t bytes = 0;
  int64_t begin = 0, end = never;
};

/// Places for blocks whose lives are known beforehand, such that those that live at the same time lie apart.
/// How few bytes they can lie in is dynamic storage allocation (Garey and Johnson 1979, SR2), which is
/// NP-hard: of two orders, the largest block first and the first one first, each block at the lowest place
/// that is free all its life, the better one is taken.
class MemoryPlan {
 public:
  MemoryPlan() = default;
  /// Places are multiples of `alignment`, and so are the bytes that a block has. No plan is made for more
  /// than most_lives.
  MemoryPlan(const std::vector<BlockLife>& lives, size_t alignment);

  /// The place of the next block of that many bytes, in the order in which those of this size begin; none if
  /// there are no more.
  std::optional<size_t> next(size_t bytes);
  /// Where the last place ends.
  size_t bytes() const { return bytes_; }
  static constexpr size_t most_lives = size_t{1} << 14;  // finding places takes time by its square

 private:
  struct OfSize {
    std::vector<size_t> places;
    size_t used = 0;
  };
  std::map<size_t, OfSize> places_;
  size_t bytes_ = 0;
};

}  // namespace manul
