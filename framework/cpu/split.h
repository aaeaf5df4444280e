#pragma once

#include <cstdint>

namespace manul::cpu {

/// Calls function(begin, length) for the fewest pieces of [0, count) that are not longer than `most`, all of
/// about the same length: in a short one at the end the processor would wait for its own sums.
template <class Function>
void split_evenly(int64_t count, int64_t most, Function&& function) {
  if (count <= most) {
    if (count > 0) function(int64_t{0}, count);
    return;
  }
  int64_t pieces = (count + most - 1) / most, length = count / pieces, longer = count % pieces;
  for (int64_t begin = 0; begin < count;) {
    int64_t taken = longer-- > 0 ? length + 1 : length;
    function(begin, taken);
    begin += taken;
  }
}

}  // namespace manul::cpu
