#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/reduce/axes.h"
#include "manul/ops/reduce/reduce.h"

namespace manul {

/// Reductions over axes of an f32 or f64 tensor, with gradients: the shape without these axes, or, with
/// `keepdims`, with length 1 in their places. Sums and products are made in f64, in a fixed order.
///
///     mean(images, {1, 2})                 [N, H, W, C] -> [N, C]
///     max(logits, -1, true)                [N, C] -> [N, 1]
///
/// Throws if there is no such axis, or (but for sum and prod) no element to look at.
Tensor sum(const Tensor& x, const Axes& axes, bool keepdims = false);
Tensor mean(const Tensor& x, const Axes& axes, bool keepdims = false);
/// The product of the elements; the gradient is right where some of them are 0.
Tensor prod(const Tensor& x, const Axes& axes, bool keepdims = false);
/// The mean of the squared distances from the mean (the biased variance).
Tensor variance(const Tensor& x, const Axes& axes, bool keepdims = false);
/// The largest or smallest element; NaN if one is. Equal ones share the gradient equally, as in Keras.
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

/// The place along `axis` of the largest or smallest element, i32: the first of equal ones, the first NaN if
/// there is one. No gradient.
Tensor argmax(const Tensor& x, int axis = -1, bool keepdims = false);
Tensor argmin(const Tensor& x, int axis = -1, bool keepdims = false);

/// What is made of the elements along an axis; the functions are in ops/reduce/reductions.h.
enum class Reduction { sum, product, largest, smallest };

/// y [outer, inner] from x [outer, length, inner].
MANUL_KERNEL(reduce_axis, void(Reduction reduction, const AxisView& axis, const Tensor& x, const Tensor& y));
/// dx from the input, the output and dy; of a sum, x and y are undefined.
MANUL_KERNEL(reduce_axis_backward, void(Reduction reduction, const AxisView& axis, const Tensor& x,
                                        const Tensor& y, const Tensor& dy, const Tensor& dx));
/// y, i32, is the place of the largest or smallest.
MANUL_KERNEL(arg_extreme, void(bool largest, const AxisView& axis, const Tensor& x, const Tensor& y));

}  // namespace manul
