#pragma once

#include <algorithm>
#include <vector>

#include "manul/framework/cpu/parallel.h"
#include "manul/ops/reduce/axes.h"

namespace manul::cpu {

/// Calls store(line, total) with the total of every line of x [outer, length, inner]; see
/// ops/reduce/reductions.h. The order in which elements are joined depends on the shape alone.
template <class T, class Reduction, class Store>
void reduce_lines(const AxisView& axis, const T* x, const Reduction& reduction, const Store& store) {
  using Total = typename Reduction::Total;
  constexpr int64_t part_elements = 1 << 14, most_columns = 512, least_width = 16;
  int64_t length = axis.length, inner = axis.inner;
  if (axis.lines() == 0) return;
  // A part is some of the elements of a block of neighbouring lines.
  int64_t columns = std::min(inner, most_columns), blocks = (inner + columns - 1) / columns;
  int64_t part_length = std::max(part_elements / columns, int64_t{1});
  int64_t parts = std::max((length + part_length - 1) / part_length, int64_t{1});
  // Narrow blocks get several totals a line, or each addition would wait for the one before.
  int64_t rows_at_once = blocks == 1 ? std::max(least_width / columns, int64_t{1}) : 1;
  std::vector<Total> totals(axis.lines() * parts);
  int64_t part_work = std::max(std::min(length, part_length) * columns, int64_t{1});
  parallel_for(axis.outer * blocks * parts, std::max(part_elements / part_work, int64_t{1}),
               [&](int64_t begin, int64_t end) {
                 std::vector<Total> lanes(rows_at_once * columns);
                 for (int64_t task = begin; task < end; ++task) {
                   int64_t part = task % parts, block = task / parts % blocks, outer = task / parts / blocks;
                   int64_t first = block * columns, width = std::min(columns, inner - first);
                   int64_t row = part * part_length, stop = std::min(row + part_length, length);
                   std::fill(lanes.begin(), lanes.end(), reduction.start());
                   for (; row < stop; row += rows_at_once) {
                     const T* from = x + (outer * length + row) * inner + first;
                     int64_t line = outer * inner + first;
                     if (rows_at_once == 1)
                       for (int64_t j = 0; j < width; ++j)
                         lanes[j] = reduction.join(lanes[j], reduction.term(from[j], row, line + j));
                     else if (inner == 1 && stop - row >= rows_at_once)
                       for (int64_t j = 0; j < least_width; ++j)
                         lanes[j] = reduction.join(lanes[j], reduction.term(from[j], row + j, line));
                     else
                       for (int64_t j = 0; j < std::min(rows_at_once, stop - row) * width; ++j)
                         lanes[j] = reduction.join(
                             lanes[j], reduction.term(from[j], row + j / width, line + j % width));
                   }
                   Total* to = &totals[part * axis.lines() + outer * inner + first];
                   for (int64_t j = 0; j < width; ++j) {
                     to[j] = lanes[j];
                     for (int64_t k = 1; k < rows_at_once; ++k)
                       to[j] = reduction.join(to[j], lanes[k * width + j]);
                   }
                 }
               });
  for (int64_t line = 0; line < axis.lines(); ++line) {
    Total total = totals[line];
    for (int64_t part = 1; part < parts; ++part)
      total = reduction.join(total, totals[part * axis.lines() + line]);
    store(line, total);
  }
}

/// to[i] = function(i, line of i) for all elements of a tensor [outer, length, inner].
template <class T, class Function>
void map_lines(const AxisView& axis, T* to, const Function& function) {
  int64_t row_elements = axis.inner == 1 ? axis.length : axis.inner;
  int64_t rows = row_elements == 0 ? 0 : axis.outer * axis.length * axis.inner / row_elements;
  parallel_for(rows, std::max((int64_t{1} << 14) / std::max(row_elements, int64_t{1}), int64_t{1}),
               [&, to](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) {
                   int64_t first = row * row_elements;
                   if (axis.inner == 1)
                     for (int64_t i = first; i < first + row_elements; ++i) to[i] = function(i, row);
                   else
                     for (int64_t i = first, line = row / axis.length * axis.inner; i < first + row_elements;
                          ++i, ++line)
                       to[i] = function(i, line);
                 }
               });
}

}  // namespace manul::cpu
