#pragma once

#include "manul/framework/host_device.h"
#include "manul/ops/conv/window.h"

// Winograd's F(2x2, 3x3), which needs 16 products for 2x2 outputs of a 3x3 kernel instead of 36: along an
// axis y = Aᵀ((G g) ⊙ (Bᵀ d)), and for the gradient g' = Gᵀ((A y') ⊙ (Bᵀ d)). The transforms add and halve
// only, so that the error stays that of the plain sum (Lavin and Gray, Fast Algorithms for Convolutional
// Neural Networks, 2015).
namespace manul::winograd {

constexpr int taps = 3, outputs = 2, side = 4;  // of a kernel, of a tile, of what the tile sees
constexpr int positions = side * side;

// The transforms along one axis.

struct OfInput {  // Bᵀ
  template <class T>
  MANUL_HOST_DEVICE void operator()(const T (&d)[side], T (&to)[side]) const {
    to[0] = d[0] - d[2], to[1] = d[1] + d[2], to[2] = d[2] - d[1], to[3] = d[1] - d[3];
  }
};
struct OfKernel {  // G
  template <class T>
  MANUL_HOST_DEVICE void operator()(const T (&g)[taps], T (&to)[side]) const {
    T even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
    to[0] = g[0], to[1] = even + odd, to[2] = even - odd, to[3] = g[2];
  }
};
struct OfProducts {  // Aᵀ
  template <class T>
  MANUL_HOST_DEVICE void operator()(const T (&m)[side], T (&to)[outputs]) const {
    to[0] = m[0] + m[1] + m[2], to[1] = m[1] - m[2] - m[3];
  }
};
struct OfOutputGradient {  // A
  template <class T>
  MANUL_HOST_DEVICE void operator()(const T (&dy)[outputs], T (&to)[side]) const {
    to[0] = dy[0], to[1] = dy[0] + dy[1], to[2] = dy[0] - dy[1], to[3] = T{} - dy[1];
  }
};
struct OfKernelGradient {  // Gᵀ
  template <class T>
  MANUL_HOST_DEVICE void operator()(const T (&m)[side], T (&to)[taps]) const {
    T even = 0.5f * (m[1] + m[2]), odd = 0.5f * (m[1] - m[2]);
    to[0] = m[0] + even, to[1] = odd, to[2] = even + m[3];
  }
};

/// `along` both axes of a square.
template <class Transform, class T, int in, int out>
MANUL_HOST_DEVICE void transform(const Transform& along, const T (&from)[in][in], T (&to)[out][out]) {
  T half[out][in];
  for (int column = 0; column < in; ++column) {
    T line[in], result[out];
    for (int row = 0; row < in; ++row) line[row] = from[row][column];
    along(line, result);
    for (int row = 0; row < out; ++row) half[row][column] = result[row];
  }
  for (int row = 0; row < out; ++row) along(half[row], to[row]);
}

/// The tiles of 2x2 outputs, a line of them beneath the other through all pictures.
struct Tiles {
  int input[2], output[2], pad[2];
  uint32_t lines_a_picture, tiles_a_line;

  Tiles(const std::array<int64_t, 2>& from, const std::array<int64_t, 2>& to,
        const std::array<int64_t, 2>& pads)
      : lines_a_picture(covering(to[0])), tiles_a_line(covering(to[1])) {
    for (int axis = 0; axis < 2; ++axis) {
      input[axis] = static_cast<int>(from[axis]);
      output[axis] = static_cast<int>(to[axis]);
      pad[axis] = static_cast<int>(pads[axis]);
    }
  }
  int64_t lines(int64_t pictures) const { return pictures * lines_a_picture; }
  static uint32_t covering(int64_t length) { return static_cast<uint32_t>((length + outputs - 1) / outputs); }
};
/// Of a convolution, and of its input's gradient, which is a convolution of dy with the kernel turned.
inline Tiles forward_tiles(const WindowGeometry& g) {
  return {g.input, g.output, g.pad_before};
}
inline Tiles input_gradient_tiles(const WindowGeometry& g) {
  return {g.output, g.input, {taps - 1 - g.pad_before[0], taps - 1 - g.pad_before[1]}};
}

/// Where tile `row` lies, counted from the first of the line `first`.
struct Place {
  int64_t picture;
  int y, x;  // of its first output
  MANUL_HOST_DEVICE Place(const Tiles& tiles, uint32_t first, uint32_t row)
      : picture((first + row / tiles.tiles_a_line) / tiles.lines_a_picture),
        y(static_cast<int>((first + row / tiles.tiles_a_line) % tiles.lines_a_picture) * outputs),
        x(static_cast<int>(row % tiles.tiles_a_line) * outputs) {}
};

/// Whether a convolution is one of 3x3 with strides and dilation 1 in one group, and of how many tiles; 0 if
/// it is not.
inline int64_t tiles_of(const WindowGeometry& g) {
  int64_t tiles = g.groups == 1 ? g.batch : 0;
  for (int axis = 0; axis < 2; ++axis)
    tiles *= g.size[axis] == taps && g.strides[axis] == 1 && g.dilation[axis] == 1
                 ? Tiles::covering(g.output[axis])
                 : 0;
  return tiles;
}

}  // namespace manul::winograd
