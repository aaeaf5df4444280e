#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/split.h"
#include "manul/framework/cpu/vector.h"
#include "manul/framework/tensor.h"
#include "manul/ops/conv/window.h"

// What the convolutions of the CPU share: direct products without an im2col copy. Included by vector kernels
// (ops/*_cpu.cpp) only.
namespace manul::cpu {

/// Accumulators of a tile; the other registers hold weights and inputs.
inline constexpr int tile_vectors = vector_registers == 32 ? 24 : 12;

/// Calls function(std::integral_constant<int, n>()) for n between 1 and `most`.
template <int most, class Function>
void dispatch(int64_t n, Function&& function) {
  if constexpr (most > 1)
    if (n < most) return dispatch<most - 1>(n, std::forward<Function>(function));
  function(std::integral_constant<int, most>());
}

/// Neighbouring elements of the input that a window reads: without dilation a whole row of the window.
struct Run {
  int64_t offset;  // from the window's first element
  int64_t length;
  int64_t weight;      // where the weights of its first tap begin
  int64_t packed = 0;  // channels of taps before it, where weights lie tap by tap
};

/// A tap of a window: where it reads, from the input pixel that the window's output starts at, and where its
/// weights begin.
struct Tap {
  int64_t row, column, weight;
};

/// Where an output reads and where it lies.
struct OutputPlace {
  int64_t x, y;
};

/// The taps of a convolution's window, for weights [filters][height][width][channels of a group].
inline std::vector<Tap> window_taps(const WindowGeometry& g) {
  std::vector<Tap> taps;
  for (int64_t ky = 0; ky < g.size[0]; ++ky)
    for (int64_t kx = 0; kx < g.size[1]; ++kx)
      taps.push_back({ky * g.dilation[0] - g.pad_before[0], kx * g.dilation[1] - g.pad_before[1],
                      (ky * g.size[1] + kx) * g.group_channels()});
  return taps;
}

/// The runs of those `taps` that is_read(index) wants, in their order, in an input with `row_step` elements a
/// row and `channels` a pixel.
template <class IsRead>
std::vector<Run> runs_of(std::span<const Tap> taps, int64_t row_step, int64_t channels,
                         const IsRead& is_read) {
  std::vector<Run> runs;
  for (size_t i = 0; i < taps.size(); ++i) {
    if (!is_read(i)) continue;
    if (i > 0 && is_read(i - 1) && taps[i].row == taps[i - 1].row && taps[i].column == taps[i - 1].column + 1)
      runs.back().length += channels;
    else
      runs.push_back({taps[i].row * row_step + taps[i].column * channels, channels, taps[i].weight,
                      static_cast<int64_t>(i) * channels});
  }
  return runs;
}
inline std::vector<Run> runs_of(std::span<const Tap> taps, int64_t row_step, int64_t channels) {
  return runs_of(taps, row_step, channels, [](size_t /*tap*/) { return true; });
}

/// What of `runs` reads weights [begin, end) of a filter, counted tap by tap.
inline std::vector<Run> runs_within(std::span<const Run> runs, int64_t begin, int64_t end) {
  std::vector<Run> within;
  for (const Run& run : runs) {
    const int64_t skipped = std::max(begin - run.packed, int64_t{0});
    const int64_t length = std::min(run.packed + run.length, end) - run.packed - skipped;
    if (length > 0)
      within.push_back({run.offset + skipped, length, run.weight + skipped, run.packed + skipped});
  }
  return within;
}

/// Vectors that cover `runs` for sums over them: where each reads, from the window's first element on. The
/// last lanes of a run's last vector read beyond the run, and nobody looks at what they add up.
template <class T>
std::vector<int64_t> pieces_of(std::span<const Run> runs) {
  std::vector<int64_t> pieces;
  for (const Run& run : runs)
    for (int64_t i = 0; i < run.length; i += lanes<T>) pieces.push_back(run.offset + i);
  return pieces;
}

/// Adds up sums that were made in parts [parts][filters][pieces][lanes], in the order of the parts, into
/// dkernel [filters][elements]; elements that no run covers become zero.
template <class T>
void add_parts(const T* sums, int64_t parts, int64_t part_step, int64_t filters, std::span<const Run> runs,
               int64_t elements, T* dkernel) {
  int64_t padded = static_cast<int64_t>(pieces_of<T>(runs).size()) * lanes<T>;
  parallel_for(filters, 4, [&](int64_t begin, int64_t end) {
    std::vector<T> total(padded);
    for (int64_t f = begin; f < end; ++f) {
      std::fill(total.begin(), total.end(), T(0));
      for (int64_t part = 0; part < parts; ++part) {
        const T* from = sums + part * part_step + f * padded;
        for (int64_t i = 0; i < padded; ++i) total[i] += from[i];
      }
      const T* from = total.data();
      T* to = dkernel + f * elements;
      std::fill_n(to, elements, T(0));
      for (const Run& run : runs) {
        std::copy_n(from, run.length, to + run.weight);
        from += (run.length + lanes<T> - 1) / lanes<T> * lanes<T>;
      }
    }
  });
}

/// The same for sums of one number a filter.
template <class T>
void add_bias_parts(const T* sums, int64_t parts, int64_t part_step, int64_t filters, T* dbias) {
  for (int64_t f = 0; f < filters; ++f) {
    T total = 0;
    for (int64_t part = 0; part < parts; ++part) total += sums[part * part_step + f];
    dbias[f] = total;
  }
}

}  // namespace manul::cpu
