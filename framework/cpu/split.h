#pragma once

#include <cstdint>

namespace manul::cpu {

/// Calls function(begin, length, pieces) for one or two rows of equal pieces of [0, count), the longer ones
/// first: in all the fewest that are not longer than `most`, of about the same length. In a short one at the
/// end the processor would wait for its own sums.
template <class Function>
void split_in_rows(int64_t count, int64_t most, Function&& function) {
  if (count <= most) {
    if (count > 0) function(int64_t{0}, count, int64_t{1});
    return;
  }
  int64_t pieces = (count + most - 1) / most, length = count / pieces, longer = count % pieces;
  if (longer > 0) function(int64_t{0}, length + 1, longer);
  function(longer * (length + 1), length, pieces - longer);
}

/// The same, piece by piece: function(begin, length).
template <class Function>
void split_evenly(int64_t count, int64_t most, Function&& function) {
  split_in_rows(count, most, [&](int64_t begin, int64_t length, int64_t pieces) {
    for (; pieces > 0; --pieces, begin += length) function(begin, length);
  });
}

}  // namespace manul::cpu
