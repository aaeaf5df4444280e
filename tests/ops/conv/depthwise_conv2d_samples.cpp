#include "manul/ops/conv/depthwise_conv2d.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

OpSample depthwise_conv2d_sample(const char* name, const Shape& x, const Shape& kernel,
                                 const DepthwiseConv2DOptions& options = {}) {
  return {name, {{x}, {kernel}, {{kernel[2] * kernel[3]}}}, [options](const std::vector<Tensor>& inputs) {
            return depthwise_conv2d(inputs[0], inputs[1], inputs[2], options);
          }};
}

}  // namespace

std::vector<OpSample> depthwise_conv2d_samples() {
  constexpr auto same = Padding::same;
  return {
      depthwise_conv2d_sample("depthwise_conv2d_one_element", {1, 1, 1, 1}, {1, 1, 1, 1}),
      depthwise_conv2d_sample("depthwise_conv2d_valid", {2, 7, 5, 3}, {3, 3, 3, 1}),
      depthwise_conv2d_sample("depthwise_conv2d_same", {2, 9, 14, 8}, {3, 3, 8, 1}, {.padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_full_vectors", {1, 6, 21, 48}, {3, 3, 48, 1},
                              {.padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_odd_channels", {2, 6, 13, 37}, {3, 3, 37, 1},
                              {.padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_even_kernel", {2, 7, 6, 5}, {4, 2, 5, 1}, {.padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_many_taps", {2, 9, 10, 20}, {5, 5, 20, 1}, {.padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_strides_2_3", {2, 9, 11, 20}, {3, 2, 20, 1},
                              {.strides = {2, 3}}),
      depthwise_conv2d_sample("depthwise_conv2d_strides_same", {2, 10, 12, 4}, {3, 3, 4, 1},
                              {.strides = {2, 2}, .padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_stride_beyond_kernel", {2, 8, 7, 3}, {1, 2, 3, 1},
                              {.strides = {3, 4}}),
      depthwise_conv2d_sample("depthwise_conv2d_dilation", {2, 9, 8, 17}, {3, 3, 17, 1},
                              {.padding = same, .dilation = {2, 3}}),
      depthwise_conv2d_sample("depthwise_conv2d_kernel_beyond_picture", {2, 3, 2, 4}, {5, 6, 4, 1},
                              {.padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_multiplier", {2, 7, 6, 4}, {3, 3, 4, 2}),
      depthwise_conv2d_sample("depthwise_conv2d_multiplier_strides", {2, 7, 6, 9}, {3, 2, 9, 3},
                              {.strides = {2, 2}, .padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_multiplier_dilation", {1, 9, 8, 4}, {2, 2, 4, 4},
                              {.dilation = {3, 2}}),
      // What the GPU has tiles for (depthwise_tiles_cuda.h): whole and partial bands, strips and packs of
      // channels, strides of 2 with even and odd padding before.
      depthwise_conv2d_sample("depthwise_conv2d_tiles_one_pack", {3, 8, 8, 4}, {3, 3, 4, 1}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_same", {2, 9, 11, 36}, {3, 3, 36, 1},
                              {.padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_strides_valid", {2, 12, 15, 40}, {3, 3, 40, 1},
                              {.strides = {2, 2}}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_strides_same", {2, 11, 13, 32}, {3, 3, 32, 1},
                              {.strides = {2, 2}, .padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_5x5_valid", {2, 10, 9, 16}, {5, 5, 16, 1}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_5x5_same", {2, 7, 6, 68}, {5, 5, 68, 1},
                              {.padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_5x5_strides_valid", {2, 13, 12, 12}, {5, 5, 12, 1},
                              {.strides = {2, 2}}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_5x5_strides_same", {2, 12, 11, 24}, {5, 5, 24, 1},
                              {.strides = {2, 2}, .padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_many_chunks", {3, 43, 38, 8}, {3, 3, 8, 1},
                              {.padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_many_chunks_5x5", {4, 47, 50, 4}, {5, 5, 4, 1},
                              {.strides = {2, 2}, .padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_one_pixel", {2, 1, 1, 8}, {3, 3, 8, 1},
                              {.strides = {2, 2}, .padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_unlike_strides", {2, 9, 10, 8}, {3, 3, 8, 1},
                              {.strides = {1, 2}, .padding = same}),
      depthwise_conv2d_sample("depthwise_conv2d_tiles_borders_beyond_kernel", {2, 5, 6, 8}, {3, 3, 8, 1},
                              {.strides = {2, 2}, .borders = {{5, 0}, {4, 7}}}),
      depthwise_conv2d_sample("depthwise_conv2d_borders", {2, 7, 5, 3}, {3, 3, 3, 1}, {.borders = 1}),
      depthwise_conv2d_sample("depthwise_conv2d_borders_strides", {2, 8, 10, 8}, {3, 3, 8, 1},
                              {.strides = {2, 2}, .borders = {{0, 1}, {0, 1}}}),
      depthwise_conv2d_sample("depthwise_conv2d_borders_5x5_strides", {2, 11, 12, 12}, {5, 5, 12, 1},
                              {.strides = {2, 2}, .borders = {{1, 2}, {2, 2}}}),
      depthwise_conv2d_sample("depthwise_conv2d_borders_rows_not_read", {2, 9, 11, 5}, {3, 2, 5, 1},
                              {.strides = {3, 4}, .borders = {{1, 0}, {1, 1}}}),
      depthwise_conv2d_sample("depthwise_conv2d_borders_dilation", {2, 9, 8, 17}, {3, 3, 17, 1},
                              {.dilation = {2, 3}, .borders = {{3, 0}, {1, 4}}}),
      depthwise_conv2d_sample("depthwise_conv2d_borders_and_same", {2, 7, 6, 4}, {3, 2, 4, 1},
                              {.strides = {2, 1}, .padding = same, .borders = {{1, 0}, {0, 2}}}),
      depthwise_conv2d_sample("depthwise_conv2d_borders_beyond_kernel", {2, 4, 3, 4}, {3, 3, 4, 1},
                              {.borders = {{4, 0}, {5, 3}}}),
      depthwise_conv2d_sample("depthwise_conv2d_borders_multiplier", {2, 7, 6, 4}, {3, 3, 4, 2},
                              {.strides = {2, 2}, .borders = {{0, 1}, {1, 0}}}),
      {"depthwise_conv2d_no_bias",
       {{{2, 7, 5, 3}}, {{3, 3, 3, 2}}},
       [](const std::vector<Tensor>& inputs) { return depthwise_conv2d(inputs[0], inputs[1], Tensor()); }},
  };
}

}  // namespace manul
