#include "manul/ops/normalize/group_normalize.h"

#include "manul/framework/tape.h"

namespace manul {
namespace {

void check_parameters(const char* operation, const Tensor& x, const Shape& wanted,
                      std::initializer_list<const Tensor*> parameters) {
  for (const Tensor* parameter : parameters) {
    if (!parameter->defined()) continue;
    check(parameter->shape() == wanted, "{}: parameter {} does not fit input {} (want {})", operation,
          parameter->shape(), x.shape(), wanted);
    check(parameter->dtype() == x.dtype() || parameter->dtype() == compute_dtype(x.dtype()),
          "{}: parameter {} does not go with input {}", operation, name_of(parameter->dtype()),
          name_of(x.dtype()));
  }
}

Tensor normalize(const char* operation, const Tensor& x, const Tensor& gamma, const Tensor& beta,
                 const NormalizedGroups& groups, double epsilon) {
  Tensor mean = Tensor::empty({groups.samples, groups.groups}, compute_dtype(x.dtype()), x.device());
  Tensor inverse_deviation = Tensor::empty_like(mean);
  Tensor y = Tensor::empty_like(x);
  group_normalize_forward_kernel(x, gamma, beta, groups, epsilon, mean, inverse_deviation, y);
  if (Tape* tape = Tape::recording({&x, &gamma, &beta}))
    tape->record(operation, y, {x, gamma, beta},
                 [x, gamma, mean, inverse_deviation, groups](const Tensor& dy, Gradients& gradients) {
                   Tensor addend = gradients.needed(0) ? gradients.take(0) : Tensor();
                   Tensor targets[3];
                   for (int i = 0; i < 3; ++i)
                     if (gradients.needed(i)) targets[i] = gradients.target(i);
                   group_normalize_backward_kernel(x, gamma, mean, inverse_deviation, dy, addend, groups,
                                                   targets[0], targets[1], targets[2]);
                 });
  return y;
}

}  // namespace

Tensor layer_normalize(const Tensor& x, const Tensor& gamma, const Tensor& beta, AxisRange axes,
                       double epsilon) {
  AxisBlocks blocks("layer_normalize", x.shape(), axes);
  Shape wanted(std::span(x.shape().begin() + axes.first, static_cast<size_t>(axes.count)));
  check_parameters("layer_normalize", x, wanted, {&gamma, &beta});
  check(blocks.inside > 0, "layer_normalize: input {} has no elements to take statistics of", x.shape());
  NormalizedGroups groups{blocks.before, 1, 1, blocks.inside, blocks.inside, 1};
  if (blocks.behind > 1)
    groups = {blocks.before, blocks.inside, blocks.behind, 1, blocks.inside, blocks.behind};
  return normalize("layer_normalize", x, gamma, beta, groups, epsilon);
}

Tensor group_normalize(const Tensor& x, const Tensor& gamma, const Tensor& beta, int64_t groups,
                       double epsilon, int channel_axis) {
  const Shape& s = x.shape();
  bool is_last = channel_axis == -1 || channel_axis == s.rank() - 1;
  check(s.rank() >= 2 && (is_last || channel_axis == 1),
        "group_normalize: channels are the last axis or axis 1, not axis {} of {}", channel_axis, s);
  int64_t channels = is_last ? s[-1] : s[1];
  check(groups >= 1 && channels > 0 && channels % groups == 0,
        "group_normalize: the channels of {} cannot be divided into {} groups", s, groups);
  check_parameters("group_normalize", x, {channels}, {&gamma, &beta});
  int64_t pixels = s.sample().elements() / channels;
  check(pixels > 0, "group_normalize: input {} has no elements to take statistics of", s);
  NormalizedGroups layout{s[0], pixels, groups, channels / groups, channels, 1};
  if (!is_last) layout = {s[0], 1, groups, channels / groups * pixels, channels, pixels};
  return normalize("group_normalize", x, gamma, beta, layout, epsilon);
}

}  // namespace manul
