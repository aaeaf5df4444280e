#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// softmax(factor * q · kᵀ) · v of each head (Vaswani et al. 2017): q [B, T, H, D], k [B, S, H, D],
/// v [B, S, H, E] -> [B, T, H, E]; f32 or f64. In bf16 on a GPU the weights are never written to memory: the
/// backward pass computes them again.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, double factor);

/// On a GPU in bf16, where D and E are multiples of 8, at most 64. logs [B, H, T] in f32: log2 of the sum
/// that the softmax divides by.
using AttentionForward = void(const Tensor& q, const Tensor& k, const Tensor& v, double factor,
                              const Tensor& logs, const Tensor& y);
/// The gradients of all three, from the output and what arrives at it.
using AttentionBackward = void(const Tensor& q, const Tensor& k, const Tensor& v, double factor,
                               const Tensor& logs, const Tensor& y, const Tensor& dy, const Tensor& dq,
                               const Tensor& dk, const Tensor& dv);
namespace cuda {
AttentionForward attention_forward;
AttentionBackward attention_backward;
/// Whether this GPU has what the kernels take: compute capability 8.0.
bool has_attention(Device device);
}  // namespace cuda

inline constexpr Kernel<AttentionForward> attention_forward_kernel("attention", nullptr,
                                                                   MANUL_CUDA(cuda::attention_forward),
                                                                   TakesBf16::on_cuda);
inline constexpr Kernel<AttentionBackward> attention_backward_kernel("attention_backward", nullptr,
                                                                     MANUL_CUDA(cuda::attention_backward),
                                                                     TakesBf16::on_cuda);

}  // namespace manul
