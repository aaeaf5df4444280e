#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// The parts of x at `indices` along an axis: x [a, n, b] and indices [i, j] along axis 1 give [a, i, j, b].
/// Indices are whole numbers of any dtype, from 0 to n - 1. On the CPU others are an error; on a GPU, which
/// cannot tell, they give zeros, as in Keras. The gradients of parts that are taken several times are added
/// in order.
Tensor gather(const Tensor& x, const Tensor& indices, int axis = 0);
/// [..] -> [.., depth]: 1 at the index, 0 elsewhere; only zeros for an index that is not in 0 .. depth - 1.
Tensor one_hot(const Tensor& indices, int64_t depth, DType dtype = DType::f32);

/// x [A, N, B], indices of I elements, y [A, I, B].
MANUL_KERNEL_TAKING_BF16(everywhere, gather, void(const Tensor& x, const Tensor& indices, const Tensor& y));
/// dx from dy, of the shapes of x and y.
MANUL_KERNEL(gather_backward, void(const Tensor& indices, const Tensor& dy, const Tensor& dx));
/// y [.., depth]
MANUL_KERNEL(one_hot, void(const Tensor& indices, const Tensor& y));

}  // namespace manul
