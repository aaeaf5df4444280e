#include "manul/ops/conv/conv2d_transpose.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

OpSample conv2d_transpose_sample(const char* name, const Shape& x, const Shape& kernel,
                                 const Conv2DTransposeOptions& options = {}) {
  return {name, {{x}, {kernel}, {{kernel[3]}}}, [options](const std::vector<Tensor>& inputs) {
            return conv2d_transpose(inputs[0], inputs[1], inputs[2], options);
          }};
}

}  // namespace

std::vector<OpSample> conv2d_transpose_samples() {
  constexpr auto same = Padding::same;
  return {
      conv2d_transpose_sample("conv2d_transpose_one_element", {1, 1, 1, 1}, {1, 1, 1, 1}),
      conv2d_transpose_sample("conv2d_transpose_valid", {2, 4, 3, 3}, {3, 3, 2, 5}),
      conv2d_transpose_sample("conv2d_transpose_same", {2, 4, 3, 3}, {3, 3, 3, 4}, {.padding = same}),
      conv2d_transpose_sample("conv2d_transpose_strides", {2, 4, 3, 3}, {3, 3, 3, 4}, {.strides = {2, 3}}),
      conv2d_transpose_sample("conv2d_transpose_strides_same", {2, 4, 3, 3}, {3, 3, 3, 4},
                              {.strides = {2, 2}, .padding = same}),
      conv2d_transpose_sample("conv2d_transpose_even_kernel", {2, 4, 3, 3}, {3, 4, 2, 2},
                              {.strides = {2, 2}, .padding = same}),
      conv2d_transpose_sample("conv2d_transpose_stride_beyond_kernel", {2, 3, 4, 5}, {5, 2, 2, 2},
                              {.strides = {3, 3}}),
      conv2d_transpose_sample("conv2d_transpose_output_padding", {2, 4, 3, 3}, {3, 3, 3, 2},
                              {.strides = {2, 2}, .output_padding = {{1, 0}}}),
      conv2d_transpose_sample("conv2d_transpose_output_padding_same", {2, 4, 3, 3}, {3, 3, 3, 2},
                              {.strides = {2, 2}, .padding = same, .output_padding = {{0, 1}}}),
      conv2d_transpose_sample("conv2d_transpose_dilation", {2, 5, 4, 3}, {3, 3, 2, 4}, {.dilation = {2, 3}}),
      conv2d_transpose_sample("conv2d_transpose_dilation_same", {2, 5, 4, 3}, {3, 3, 2, 4},
                              {.padding = same, .dilation = {2, 2}}),
      {"conv2d_transpose_no_bias",
       {{{2, 4, 3, 17}}, {{17, 2, 2, 19}}},
       [](const std::vector<Tensor>& inputs) {
         return conv2d_transpose(inputs[0], inputs[1], Tensor(), {.strides = {2, 2}});
       }},
  };
}

}  // namespace manul
