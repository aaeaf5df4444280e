#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "manul/ops/shape/strided_copy.h"

namespace manul {

/// The shape that both have when axes of length 1, and those that one of them lacks in front, are repeated.
/// Nothing if there is none.
std::optional<Shape> common_shape(const Shape& a, const Shape& b);
/// The same; throws, naming `operation`, if there is none.
Shape broadcast_shape(std::string_view operation, const Shape& a, const Shape& b);
/// x repeated along its axes of length 1, and along new axes in front, to `shape`; x itself if it has it. Any
/// dtype.
Tensor broadcast_to(const Tensor& x, const Shape& shape);
/// The sum over what broadcast_to() would repeat: axes that have the length 1 in `shape`, and those in front
/// that it lacks. f32 or f64.
Tensor sum_to(const Tensor& x, const Shape& shape);
/// The whole tensor repeats[i] times along axis i: [a, b] -> [a, b, a, b].
Tensor tile(const Tensor& x, const std::vector<int64_t>& repeats);
/// Each element `times` times along an axis: [a, b] -> [a, a, b, b].
Tensor repeat(const Tensor& x, int64_t times, int axis);

/// Element i of x is the sum of the elements of y at kept.offset(i) + repeated.offset(j) for all j.
MANUL_KERNEL(sum_strided,
             void(const Tensor& y, const StridedBox& kept, const StridedBox& repeated, const Tensor& x));

}  // namespace manul
