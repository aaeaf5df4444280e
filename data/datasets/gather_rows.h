#pragma once

#include "manul/framework/kernel.h"
#include "manul/framework/step.h"

namespace manul {

/// Row k of `target` [n, ..] = row index[position + k] of `source` [rows, ..], with the position of a step
/// state, or 0 if `state` is undefined. `index` is i32. The dtypes are equal, or u8 becomes f32. Throws on
/// shapes that do not fit; on the CPU also on a row that does not exist (a GPU writes NaN, or 0 to integers).
void gather_rows(const Tensor& state, const Tensor& index, const Tensor& source, const Tensor& target);

MANUL_KERNEL(gather_rows,
             void(const Tensor& state, const Tensor& index, const Tensor& source, const Tensor& target));

}  // namespace manul
