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
  visit_fused(activation, [&](auto function) {
    normalize_forward<float>(function, x, addend, make_affine<float>(gamma, beta, mean, deviation, epsilon),
                             y);
  });
}

void normalize_activation_backward(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                   const Tensor& mean, const Tensor& inverse_deviation, const Tensor& addend,
                                   Activation activation, const Tensor& dy, const Tensor& dx,
                                   const Tensor& dgamma, const Tensor& dbeta, const Tensor& dz) {
  visit_fused(activation, [&](auto function) {
    normalize_backward<float>(function, x, addend, make_affine<float>(gamma, beta, mean, inverse_deviation),
                              dy, dx, dgamma, dbeta, dz);
  });
}

}  // namespace manul::cuda
