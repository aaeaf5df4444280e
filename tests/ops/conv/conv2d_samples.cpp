#include "manul/ops/conv/conv2d_concatenated.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

OpSample conv2d_sample(const char* name, const Shape& x, const Shape& kernel,
                       const Conv2DOptions& options = {}) {
  return {name, {{x}, {kernel}, {{kernel[0]}}}, [options](const std::vector<Tensor>& inputs) {
            return conv2d(inputs[0], inputs[1], inputs[2], options);
          }};
}

/// Of two inputs side by side: in f64 by a concatenation, in f32 without one.
OpSample concatenated_sample(const char* name, const Shape& a, const Shape& b, const Shape& kernel,
                             const Conv2DOptions& options = {}) {
  return {name, {{a}, {b}, {kernel}, {{kernel[0]}}}, [options](const std::vector<Tensor>& inputs) {
            return conv2d_of_concatenated({inputs[0], inputs[1]}, inputs[2], inputs[3], options);
          }};
}

}  // namespace

std::vector<OpSample> conv2d_samples() {
  constexpr auto same = Padding::same;
  return {
      conv2d_sample("conv2d_one_element", {1, 1, 1, 1}, {1, 1, 1, 1}),
      conv2d_sample("conv2d_valid", {2, 7, 5, 3}, {4, 3, 3, 3}),
      conv2d_sample("conv2d_same", {2, 7, 5, 3}, {4, 3, 3, 3}, {.padding = same}),
      conv2d_sample("conv2d_same_even_kernel", {2, 7, 5, 3}, {5, 4, 2, 3}, {.padding = same}),
      conv2d_sample("conv2d_strides_2_3", {2, 9, 11, 3}, {4, 3, 2, 3}, {.strides = {2, 3}}),
      conv2d_sample("conv2d_strides_2_3_same", {2, 9, 11, 3}, {4, 3, 2, 3},
                    {.strides = {2, 3}, .padding = same}),
      conv2d_sample("conv2d_dilation", {2, 9, 8, 3}, {4, 3, 3, 3}, {.dilation = {2, 3}}),
      conv2d_sample("conv2d_dilation_same", {2, 9, 8, 3}, {4, 3, 2, 3},
                    {.padding = same, .dilation = {2, 3}}),
      conv2d_sample("conv2d_strides_and_dilation", {2, 11, 13, 2}, {3, 3, 3, 2},
                    {.strides = {3, 2}, .padding = same, .dilation = {2, 3}}),
      conv2d_sample("conv2d_stride_beyond_kernel", {2, 8, 7, 3}, {4, 1, 2, 3}, {.strides = {3, 4}}),
      conv2d_sample("conv2d_patches", {3, 8, 15, 5}, {7, 4, 5, 5}, {.strides = {4, 5}}),
      conv2d_sample("conv2d_patches_same", {2, 16, 32, 3}, {24, 16, 16, 3},
                    {.strides = {16, 16}, .padding = same}),
      conv2d_sample("conv2d_kernel_beyond_picture", {2, 3, 4, 1}, {2, 5, 6, 1}, {.padding = same}),
      conv2d_sample("conv2d_1x1", {2, 5, 7, 17}, {19, 1, 1, 17}),
      conv2d_sample("conv2d_one_row", {3, 1, 29, 2}, {33, 1, 3, 2}, {.padding = same}),
      conv2d_sample("conv2d_one_column", {3, 29, 1, 2}, {7, 4, 1, 2}, {.padding = same}),
      conv2d_sample("conv2d_wide_row", {1, 2, 61, 3}, {35, 2, 3, 3}),
      conv2d_sample("conv2d_many_channels", {2, 5, 6, 37}, {41, 3, 3, 37}, {.padding = same}),
      conv2d_sample("conv2d_7x7_strides_2_same", {2, 14, 16, 3}, {5, 7, 7, 3},
                    {.strides = {2, 2}, .padding = same}),
      conv2d_sample("conv2d_groups", {2, 7, 5, 4}, {6, 3, 3, 2}, {.padding = same, .groups = 2}),
      conv2d_sample("conv2d_groups_valid", {2, 7, 6, 6}, {9, 3, 3, 2}, {.groups = 3}),
      conv2d_sample("conv2d_groups_strides", {2, 7, 9, 6}, {9, 2, 3, 2}, {.strides = {2, 3}, .groups = 3}),
      conv2d_sample("conv2d_groups_strides_dilation", {2, 11, 9, 8}, {8, 2, 3, 4},
                    {.strides = {2, 3}, .padding = same, .dilation = {3, 2}, .groups = 2}),
      conv2d_sample("conv2d_groups_1x1", {2, 4, 5, 34}, {38, 1, 1, 17}, {.groups = 2}),
      conv2d_sample("conv2d_group_a_channel", {2, 7, 5, 5}, {10, 3, 2, 1}, {.padding = same, .groups = 5}),
      conv2d_sample("conv2d_borders", {2, 7, 5, 3}, {4, 3, 3, 3}, {.borders = 1}),
      conv2d_sample("conv2d_borders_apart", {2, 7, 5, 3}, {4, 3, 3, 3}, {.borders = {{0, 2}, {1, 0}}}),
      conv2d_sample("conv2d_borders_strides", {2, 8, 9, 3}, {4, 3, 3, 3},
                    {.strides = {2, 2}, .borders = {{0, 1}, {1, 1}}}),
      conv2d_sample("conv2d_borders_rows_not_read", {2, 9, 11, 3}, {4, 3, 2, 3},
                    {.strides = {3, 4}, .borders = {{1, 0}, {1, 1}}}),
      conv2d_sample("conv2d_borders_strides_of_fours", {2, 8, 10, 12}, {8, 3, 3, 12},
                    {.strides = {2, 2}, .borders = {{0, 1}, {0, 1}}}),
      conv2d_sample("conv2d_borders_not_read", {2, 8, 7, 3}, {4, 3, 3, 3},
                    {.strides = {3, 3}, .borders = {{1, 2}, {0, 2}}}),
      conv2d_sample("conv2d_borders_7x7_strides_2", {2, 14, 16, 3}, {5, 7, 7, 3},
                    {.strides = {2, 2}, .borders = 3}),
      conv2d_sample("conv2d_borders_dilation", {2, 9, 8, 3}, {4, 3, 2, 3},
                    {.dilation = {2, 3}, .borders = {{2, 1}, {0, 3}}}),
      conv2d_sample("conv2d_borders_and_same", {2, 7, 6, 3}, {4, 3, 2, 3},
                    {.strides = {2, 1}, .padding = same, .borders = {{1, 0}, {0, 2}}}),
      conv2d_sample("conv2d_borders_beyond_kernel", {2, 4, 3, 2}, {3, 2, 3, 2},
                    {.borders = {{3, 0}, {5, 4}}}),
      conv2d_sample("conv2d_borders_1x1_strides", {2, 5, 7, 4}, {6, 1, 1, 4},
                    {.strides = {2, 3}, .borders = 1}),
      conv2d_sample("conv2d_borders_kernel_beyond_picture", {2, 2, 3, 2}, {3, 4, 5, 2}, {.borders = {2, 1}}),
      conv2d_sample("conv2d_borders_groups", {2, 7, 6, 6}, {9, 3, 3, 2},
                    {.strides = {2, 1}, .groups = 3, .borders = {{0, 1}, 1}}),
      conv2d_sample("conv2d_borders_group_a_channel", {2, 7, 5, 5}, {10, 3, 2, 1},
                    {.groups = 5, .borders = {{0, 1}, {2, 0}}}),
      // Many channels and tiles: on a GPU by Winograd's transforms.
      conv2d_sample("conv2d_winograd", {9, 7, 8, 32}, {36, 3, 3, 32}, {.padding = same}),
      conv2d_sample("conv2d_winograd_borders", {11, 6, 5, 36}, {32, 3, 3, 36}, {.borders = {{0, 2}, {1, 0}}}),
      concatenated_sample("conv2d_concatenated", {3, 7, 8, 16}, {3, 7, 8, 32}, {32, 3, 3, 48},
                          {.padding = same}),
      concatenated_sample("conv2d_concatenated_borders", {2, 6, 9, 32}, {2, 6, 9, 16}, {48, 3, 3, 48},
                          {.borders = {{0, 2}, {1, 0}}}),
      // Few channels and strides: on a GPU pixels become channels.
      conv2d_sample("conv2d_space_to_depth", {2, 15, 14, 3}, {8, 7, 7, 3}, {.strides = {2, 2}, .borders = 3}),
      conv2d_sample("conv2d_space_to_depth_same", {3, 13, 11, 3}, {16, 3, 3, 3},
                    {.strides = {2, 2}, .padding = same}),
      conv2d_sample("conv2d_space_to_depth_patches", {2, 12, 8, 3}, {24, 4, 4, 3}, {.strides = {4, 4}}),
      conv2d_sample("conv2d_space_to_depth_one_channel", {2, 11, 9, 1}, {8, 5, 4, 1}, {.strides = {3, 3}}),
      // Few channels for many filters: the CPU's input gradient is a product.
      conv2d_sample("conv2d_few_channels", {3, 19, 17, 3}, {33, 5, 4, 3},
                    {.strides = {2, 1}, .padding = same}),
      conv2d_sample("conv2d_few_channels_groups", {2, 13, 15, 6}, {34, 3, 3, 3},
                    {.strides = {1, 2}, .dilation = {2, 3}, .groups = 2}),
      conv2d_sample("conv2d_few_channels_borders", {2, 9, 8, 3}, {33, 3, 3, 3},
                    {.strides = {2, 1}, .borders = {{1, 0}, {2, 3}}}),
      {"conv2d_no_bias",
       {{{2, 7, 5, 3}}, {{4, 3, 3, 3}}},
       [](const std::vector<Tensor>& inputs) { return conv2d(inputs[0], inputs[1], Tensor()); }},
  };
}

}  // namespace manul
