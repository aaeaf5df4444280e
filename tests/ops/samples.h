#pragma once

#include "manul/testing/op_sample.h"

namespace manul {

// The sample table of each family of ops: NAME_samples.cpp beside NAME_test.cpp.
std::vector<OpSample> pointwise_samples();
std::vector<OpSample> matmul_samples();
std::vector<OpSample> conv2d_samples();
std::vector<OpSample> depthwise_conv2d_samples();
std::vector<OpSample> conv2d_transpose_samples();
std::vector<OpSample> pool2d_samples();
std::vector<OpSample> geometry_samples();
std::vector<OpSample> conv_relu_pool_samples();
std::vector<OpSample> normalize_samples();
std::vector<OpSample> group_normalize_samples();
std::vector<OpSample> reduce_samples();
std::vector<OpSample> loss_samples();
std::vector<OpSample> dropout_samples();
std::vector<OpSample> shape_samples();
std::vector<OpSample> random_samples();
std::vector<OpSample> affine_samples();

}  // namespace manul
