#pragma once

#include <vector>

#include "manul/framework/distributed/communicator.h"
#include "manul/framework/parameter.h"

namespace manul {

/// A stretch of the flat gradients, and whose they are.
struct GradientStretch {
  int64_t begin, end;
  std::vector<const Parameter*> parameters;
};

/// The stretches in which the gradients of what is trained are summed, as the backward pass comes to them:
/// from the last parameter to the first. `beside`: sums go on beside the pass, as those of GPUs do.
std::vector<GradientStretch> gradient_stretches(const ParameterSet& parameters, bool beside);

/// Sums the gradients of trained parameters over all processes, in stretches of the flat buffer: each begins
/// as soon as the backward pass has made its gradients, while the pass goes on. All processes make them in
/// the same order, of the same parameters. In bf16 each process's gradients are rounded, and so are their
/// sums on the way: half of the bytes; all processes still get the same ones, in the gradients' own dtype.
class GradientSums {
 public:
  GradientSums(const ParameterSet& parameters, bool in_bf16);
  GradientSums(const GradientSums&) = delete;
  GradientSums& operator=(const GradientSums&) = delete;

  /// The gradient of this parameter is there.
  void add(const Leaf& leaf);
  /// The backward pass is done: sums the rest. What follows sees the sums.
  void finish();

 private:
  struct Stretch {
    int64_t begin, end;
    std::vector<const Leaf*> missing;
    Tensor rounded = {};
  };
  void begin_those_ready();

  Tensor gradients_of(const Stretch& stretch) const;

  const ParameterSet& parameters_;
  bool in_bf16_;
  std::vector<Stretch> stretches_;
  size_t begun_ = 0;
};

}  // namespace manul
