#pragma once

#include <algorithm>

#include "manul/framework/cpu/general_product.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/memory.h"
#include "manul/ops/conv/window.h"

namespace manul::cpu {

/// The input gradient of a convolution as products by Eigen, dy · kernel, whose rows (what each output gives
/// to its window) are then added where the windows lie. For inputs of few channels, which would fill no
/// vectors.
template <class T>
class ScatteredInputGradient {
 public:
  /// kernel [filters][height][width][channels of a group].
  ScatteredInputGradient(const WindowGeometry& g, const T* dy, const T* kernel, int64_t filters, T* dx)
      : g_(g), dy_(dy), kernel_(kernel), filters_(filters), dx_(dx) {}

  void run() const {
    int64_t input = g_.input[0] * g_.input[1] * g_.channels, output = g_.output[0] * g_.output[1] * filters_;
    parallel_for(g_.batch, 1, [&](int64_t n, int64_t /*end*/) {
      T* picture = dx_ + n * input;
      std::fill_n(picture, input, T(0));
      for (int64_t group = 0; group < g_.groups; ++group) add_group(group, dy_ + n * output, picture);
    });
  }

 private:
  void add_group(int64_t group, const T* dy, T* picture) const {
    constexpr int64_t block_bytes = 128 << 10;
    int64_t filters = filters_ / g_.groups, channels = g_.group_channels(), columns = g_.output[1];
    int64_t window = g_.size[0] * g_.size[1] * channels,
            row_bytes = columns * window * static_cast<int64_t>(sizeof(T));
    int64_t rows = std::clamp(block_bytes / row_bytes, int64_t{1}, g_.output[0]);
    Storage memory(static_cast<size_t>(rows * row_bytes), Device::cpu());
    T* given = reinterpret_cast<T*>(memory.data);
    for (int64_t first = 0; first < g_.output[0]; first += rows) {
      int64_t count = std::min(rows, g_.output[0] - first);
      general_product<T>({count * columns, window, filters},
                         {dy + first * columns * filters_ + group * filters, filters_},
                         {kernel_ + group * filters * window, window}, given, window);
      for (int64_t row = 0; row < count; ++row)
        for (int64_t ky = 0; ky < g_.size[0]; ++ky)
          add_row(first + row, ky, given + (row * columns * g_.size[0] + ky) * g_.size[1] * channels, window,
                  picture + group * channels);
    }
  }

  /// What output row `row` gives through row `ky` of its windows.
  void add_row(int64_t row, int64_t ky, const T* given, int64_t step, T* picture) const {
    int64_t y = row * g_.strides[0] - g_.pad_before[0] + ky * g_.dilation[0], channels = g_.group_channels();
    if (y < 0 || y >= g_.input[0]) return;
    for (int64_t column = 0; column < g_.output[1]; ++column, given += step)
      for (int64_t kx = 0; kx < g_.size[1]; ++kx) {
        int64_t x = column * g_.strides[1] - g_.pad_before[1] + kx * g_.dilation[1];
        if (x < 0 || x >= g_.input[1]) continue;
        T* to = picture + (y * g_.input[1] + x) * g_.channels;
        for (int64_t c = 0; c < channels; ++c) to[c] += given[kx * channels + c];
      }
  }

  WindowGeometry g_;
  const T *dy_, *kernel_;
  int64_t filters_;
  T* dx_;
};

}  // namespace manul::cpu
