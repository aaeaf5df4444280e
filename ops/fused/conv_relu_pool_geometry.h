#pragma once

#include "manul/framework/host_device.h"
#include "manul/ops/fused/conv_relu_pool.h"

// Where everything of a fused conv-relu-pool lies, as its CUDA kernels need it.
namespace manul::cuda {

struct ConvPoolGeometry {
  int64_t batch, height, width;  // of the input
  int channels, kernel_height, kernel_width, stride_y, stride_x;
  int64_t pooled_height, pooled_width, filters;

  MANUL_HOST_DEVICE int run() const { return kernel_width * channels; }
  MANUL_HOST_DEVICE int taps() const { return kernel_height * run(); }
  MANUL_HOST_DEVICE int64_t row_length() const { return width * channels; }
  /// The first element under position `code` of the pooling window at column px, counted from the input row
  /// of that pooled row's beginning, where rows lie `row_length` apart.
  MANUL_HOST_DEVICE int64_t offset(int64_t px, int code, int64_t row_length) const {
    return code / 2 * stride_y * row_length + (2 * px + code % 2) * stride_x * channels;
  }
  /// Input rows under `rows` rows of pooled pixels.
  MANUL_HOST_DEVICE int rows_below(int rows) const {
    return (rows - 1) * 2 * stride_y + stride_y + kernel_height;
  }
  /// Element 0 of the input rows under pooled row `row` (of batch * pooled height).
  MANUL_HOST_DEVICE int64_t first(int64_t row) const {
    return (row / pooled_height * height + row % pooled_height * 2 * stride_y) * row_length();
  }
};

inline ConvPoolGeometry conv_pool_geometry(const WindowGeometry& g, int64_t filters) {
  return {g.batch,
          g.input[0],
          g.input[1],
          static_cast<int>(g.channels),
          static_cast<int>(g.size[0]),
          static_cast<int>(g.size[1]),
          static_cast<int>(g.strides[0]),
          static_cast<int>(g.strides[1]),
          g.output[0] / 2,
          g.output[1] / 2,
          filters};
}

}  // namespace manul::cuda
