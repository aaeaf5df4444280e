#pragma once

#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// The part of x of these lengths that begins at `begin`, an index for each axis. Any dtype; no copy where
/// the part lies in one piece.
Tensor slice(const Tensor& x, const std::vector<int64_t>& begin, const Shape& lengths);
/// x[.., begin : end, ..] along one axis; negative numbers count from the end, as in Python.
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);
/// x cut along an axis into parts of these lengths.
std::vector<Tensor> split(const Tensor& x, const std::vector<int64_t>& lengths, int axis = -1);
/// x cut along an axis into `parts` of one length. Throws if the axis does not divide.
std::vector<Tensor> split(const Tensor& x, int parts, int axis = -1);

}  // namespace manul
