#include "manul/ops/conv/conv2d_transpose.h"

#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Conv2DTranspose, OpTest, testing::ValuesIn(conv2d_transpose_samples()),
                         name_of_sample);

void run_transposed(const Shape& x, const Shape& kernel, const Conv2DTransposeOptions& options) {
  conv2d_transpose(Tensor::zeros(x), Tensor::zeros(kernel), Tensor(), options);
}

const ErrorSample conv2d_transpose_errors[] = {
    {"channels",
     [] {
       run_transposed({1, 5, 5, 3}, {4, 3, 3, 2}, {});
     },
     "conv2d_transpose: input [1, 5, 5, 3] does not fit kernel [4, 3, 3, 2] (want [channels, height, width"},
    {"strides",
     [] {
       run_transposed({1, 5, 5, 3}, {3, 3, 3, 2}, {.strides = {0, 1}});
     },
     "strides [0, 1] and dilation [1, 1] must be positive"},
    {"output_padding",
     [] {
       run_transposed({1, 5, 5, 3}, {3, 3, 3, 2}, {.strides = {2, 2}, .output_padding = {{2, 0}}});
     },
     "an output padding of [2, 0] makes of [1, 5, 5, 3] the output [1, 13, 11, 2]"},
};
INSTANTIATE_TEST_SUITE_P(Conv2DTranspose, OpErrorTest, testing::ValuesIn(conv2d_transpose_errors),
                         name_of_sample);

}  // namespace
}  // namespace manul
