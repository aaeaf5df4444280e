#pragma once

#include "manul/layers/layers.h"

namespace manul {

/// The weights of a layer that multiplies and adds (a convolution, a dense) with those of the
/// BatchNormalization behind it in them: with moving mean m and variance v and factor = gamma / sqrt(v +
/// epsilon), each filter's kernel times factor, and (bias - m) * factor + beta. In the dtype that the layer
/// computes in. Their memory stays the same, so that a captured run reads what is computed anew.
class FoldedWeights {
 public:
  /// `filters_first`: the filters are the kernel's first axis, not its last ones.
  FoldedWeights(const Weight& kernel, const Weight& bias, const BatchNormalization& normalization,
                bool filters_first, DTypePolicy policy)
      : kernel_(kernel),
        bias_(bias),
        normalization_(normalization),
        filters_first_(filters_first),
        policy_(policy) {}

  /// From the layers' weights of now.
  void compute();
  /// Computed with these: of a step of two layers.
  std::shared_ptr<FoldedWeights> first = {};
  const Tensor& kernel() const { return folded_kernel_; }
  const Tensor& bias() const { return folded_bias_; }

 private:
  const Weight &kernel_, &bias_;
  const BatchNormalization& normalization_;
  bool filters_first_;
  DTypePolicy policy_;
  Tensor folded_kernel_, folded_bias_;
};

}  // namespace manul
