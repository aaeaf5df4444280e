#include "manul/ops/fused/conv_relu_pool.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

OpSample conv_relu_pool_sample(const char* name, const Shape& x, const Shape& kernel,
                               const Conv2DOptions& conv = {}, const Pool2DOptions& pool = {}) {
  return {name, {{x}, {kernel}, {{kernel[0]}}}, [conv, pool](const std::vector<Tensor>& inputs) {
            return conv_relu_pool(inputs[0], inputs[1], inputs[2], conv, pool);
          }};
}

}  // namespace

std::vector<OpSample> conv_relu_pool_samples() {
  return {
      conv_relu_pool_sample("conv_relu_pool_smallest", {1, 2, 2, 1}, {1, 1, 1, 1}),
      conv_relu_pool_sample("conv_relu_pool", {2, 9, 7, 3}, {4, 3, 3, 3}),
      conv_relu_pool_sample("conv_relu_pool_odd", {3, 10, 8, 2}, {5, 3, 2, 2}),
      conv_relu_pool_sample("conv_relu_pool_strides", {2, 14, 17, 3}, {4, 3, 2, 3}, {.strides = {2, 3}}),
      conv_relu_pool_sample("conv_relu_pool_stride_beyond_kernel", {2, 17, 13, 1}, {3, 2, 1, 1},
                            {.strides = {4, 3}}),
      conv_relu_pool_sample("conv_relu_pool_picture", {3, 15, 12, 3}, {34, 3, 3, 3}),
      conv_relu_pool_sample("conv_relu_pool_picture_stride_2", {3, 23, 20, 3}, {34, 3, 3, 3},
                            {.strides = {2, 2}}),
      conv_relu_pool_sample("conv_relu_pool_picture_stride_3", {3, 34, 28, 3}, {34, 3, 3, 3},
                            {.strides = {3, 3}}),
      conv_relu_pool_sample("conv_relu_pool_grey_picture", {3, 15, 12, 1}, {34, 3, 3, 1}),
      conv_relu_pool_sample("conv_relu_pool_many_filters", {2, 9, 18, 3}, {53, 3, 3, 3}),
      conv_relu_pool_sample("conv_relu_pool_many_channels", {2, 8, 7, 8}, {19, 3, 3, 8}),
      conv_relu_pool_sample("conv_relu_pool_wide_kernel", {2, 9, 25, 4}, {18, 2, 9, 4}),
      conv_relu_pool_sample("conv_relu_pool_many_pictures", {67, 6, 5, 2}, {3, 3, 3, 2}),
      conv_relu_pool_sample("conv_relu_pool_borders", {2, 9, 7, 3}, {4, 3, 3, 3}, {.borders = {{0, 1}, 1}}),
      conv_relu_pool_sample("conv_relu_pool_borders_of_many_channels", {2, 6, 7, 9}, {4, 3, 3, 9},
                            {.borders = 1}),
      conv_relu_pool_sample("conv_relu_pool_falls_back_for_padding", {2, 7, 5, 3}, {4, 3, 3, 3},
                            {.padding = Padding::same}),
      conv_relu_pool_sample("conv_relu_pool_falls_back_for_pooling", {2, 9, 8, 3}, {4, 3, 3, 3}, {},
                            {.pool = {3, 2}}),
  };
}

}  // namespace manul
