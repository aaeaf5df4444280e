#pragma once

#include <functional>

#include "framework/tensor.h"

// For choosing between ways to compute the same thing. Not while a graph is being captured.
namespace manul::cuda {

/// True if two tensors of the same shape and dtype, on the same GPU, hold the same bits.
bool same_bits(const Tensor& a, const Tensor& b);

/// Milliseconds that the work which `submit` puts on the compute stream of GPU `index` takes: the shortest of
/// a few runs.
float shortest_time(int index, const std::function<void()>& submit);

}  // namespace manul::cuda
