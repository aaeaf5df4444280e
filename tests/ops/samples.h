#pragma once

#include "tests/op_sample.h"

namespace manul {

// The sample table of each family of ops: NAME_samples.cpp beside NAME_test.cpp.
std::vector<OpSample> pointwise_samples();

}  // namespace manul
