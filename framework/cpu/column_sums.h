#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "manul/framework/cpu/parallel.h"

namespace manul::cpu {

namespace detail {

template <class Value>
inline constexpr int sums_in = 1;
template <size_t count>
inline constexpr int sums_in<std::array<double, count>> = static_cast<int>(count);

inline double sum_number(double value, int) {
  return value;
}
template <size_t count>
double sum_number(const std::array<double, count>& values, int k) {
  return values[k];
}

}  // namespace detail

/// The sums of each column of a [rows, columns] matrix whose elements are term(index, column): double or, for
/// several sums in one pass, std::array<double, K>. Added in f64, in an order that depends on the shape
/// alone.
template <class Term>
auto column_sums(int64_t rows, int64_t columns, const Term& term) {
  using Value = decltype(term(int64_t{0}, int64_t{0}));
  constexpr int count = detail::sums_in<Value>;
  constexpr int64_t most_parts = 16, least_elements = 1 << 14, least_width = 32;
  int64_t part_rows = std::max((rows + most_parts - 1) / most_parts,
                               (least_elements + columns - 1) / std::max<int64_t>(columns, 1));
  int64_t parts = rows == 0 ? 0 : (rows + part_rows - 1) / part_rows;
  std::vector<Value> sums(std::max<int64_t>(parts, 1) * columns, Value{});
  parallel_for(rows, part_rows, [&](int64_t begin, int64_t end) {
    // Narrow matrices get several accumulators a column: a single chain of additions would wait for itself.
    // Each of the sums has its own array, so that compilers make vectors of neighbouring columns.
    int64_t rows_at_once = std::max<int64_t>(least_width / columns, 1), width = columns * rows_at_once;
    std::vector<double> memory(count * width);
    double* lanes[count];
    for (int k = 0; k < count; ++k) lanes[k] = memory.data() + k * width;
    auto add = [&](int64_t lane, int64_t index, int64_t column) {
      Value value = term(index, column);
      for (int k = 0; k < count; ++k) lanes[k][lane] += detail::sum_number(value, k);
    };
    int64_t i = begin * columns, stop = end * columns;
    for (; i + width <= stop; i += width)
      if (columns == 1)
        for (int64_t j = 0; j < least_width; ++j) add(j, i + j, 0);
      else
        for (int64_t first = 0; first < width; first += columns)
          for (int64_t c = 0; c < columns; ++c) add(first + c, i + first + c, c);
    for (int64_t j = 0; i + j < stop; ++j) add(j, i + j, j % columns);
    Value* part = &sums[begin / part_rows * columns];
    for (int64_t j = 0; j < width; ++j)
      for (int k = 0; k < count; ++k)
        if constexpr (count == 1)
          part[j % columns] += lanes[0][j];
        else
          part[j % columns][k] += lanes[k][j];
  });
  for (int64_t part = 1; part < parts; ++part)
    for (int64_t column = 0; column < columns; ++column)
      if constexpr (count == 1)
        sums[column] += sums[part * columns + column];
      else
        for (int k = 0; k < count; ++k) sums[column][k] += sums[part * columns + column][k];
  sums.resize(columns);
  return sums;
}

}  // namespace manul::cpu
