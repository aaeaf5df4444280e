#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "manul/framework/cpu/parallel.h"

namespace manul::cpu {

/// The sums of each column of a [rows, columns] matrix whose elements are term(index): double or, for several
/// sums in one pass, std::array<double, K>. Added in f64, in an order that depends on the shape alone.
template <class Term>
auto column_sums(int64_t rows, int64_t columns, const Term& term) {
  using Value = decltype(term(int64_t{0}));
  constexpr auto add = [](Value& sum, const Value& value) {
    if constexpr (std::is_same_v<Value, double>)
      sum += value;
    else
      for (size_t k = 0; k < sum.size(); ++k) sum[k] += value[k];
  };
  constexpr int64_t most_parts = 16, least_elements = 1 << 14, least_width = 32;
  int64_t part_rows = std::max((rows + most_parts - 1) / most_parts,
                               (least_elements + columns - 1) / std::max<int64_t>(columns, 1));
  int64_t parts = rows == 0 ? 0 : (rows + part_rows - 1) / part_rows;
  std::vector<Value> sums(std::max<int64_t>(parts, 1) * columns, Value{});
  parallel_for(rows, part_rows, [&](int64_t begin, int64_t end) {
    // Narrow matrices get several accumulators a column: a single chain of additions would wait for itself.
    int64_t width = columns * std::max<int64_t>(least_width / columns, 1);
    std::vector<Value> lanes(width, Value{});
    int64_t i = begin * columns, stop = end * columns;
    for (; i + width <= stop; i += width)
      for (int64_t j = 0; j < width; ++j) add(lanes[j], term(i + j));
    for (int64_t j = 0; i + j < stop; ++j) add(lanes[j], term(i + j));
    Value* part = &sums[begin / part_rows * columns];
    for (int64_t j = 0; j < width; ++j) add(part[j % columns], lanes[j]);
  });
  for (int64_t part = 1; part < parts; ++part)
    for (int64_t column = 0; column < columns; ++column) add(sums[column], sums[part * columns + column]);
  sums.resize(columns);
  return sums;
}

}  // namespace manul::cpu
