#include "manul/ops/fused/normalize_activation.h"

#include "manul/ops/fused/fused_in_normalization.h"
#include "manul/ops/normalize/normalize_passes.h"

namespace manul::cuda {
namespace {

template <class Use>
void visit_fused(Activation activation, Use&& use) {
  pointwise::visit_listed<float>("normalize_activation", activation, use, pointwise::FusedInNormalization{});
}

}  // namespace

void normalize_activation(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                          const Tensor& deviation, double epsilon, const Tensor& addend,
                          Activation activation, const Tensor& y) {
  if (has_bf16({&gamma, &beta, &mean, &deviation}))
    return call_in_f32(normalize_activation, x, gamma, beta, mean, deviation, epsilon, addend, activation, y);
  MakeAffine<float> make = make_affine<float>(gamma, beta, mean, deviation, epsilon);
  visit_fused(activation, [&](auto function) {
    if (x.dtype() == DType::bf16)
      normalize_forward<bfloat16>(function, x, addend, make, y);
    else
      normalize_forward<float>(function, x, addend, make, y);
  });
}

void normalize_activation_backward(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                   const Tensor& mean, const Tensor& inverse_deviation, const Tensor& addend,
                                   Activation activation, const Tensor& dy, const Tensor& dx,
                                   const Tensor& dgamma, const Tensor& dbeta, const Tensor& dz) {
  if (has_bf16({&gamma, &beta, &dgamma, &dbeta}))
    return call_in_f32(normalize_activation_backward, x, gamma, beta, mean, inverse_deviation, addend,
                       activation, dy, dx, dgamma, dbeta, dz);
  MakeAffine<float> make = make_affine<float>(gamma, beta, mean, inverse_deviation);
  visit_fused(activation, [&](auto function) {
    if (x.dtype() == DType::bf16)
      normalize_backward<bfloat16>(function, x, addend, make, dy, dx, dgamma, dbeta, dz);
    else
      normalize_backward<float>(function, x, addend, make, dy, dx, dgamma, dbeta, dz);
  });
}

}  // namespace manul::cuda
