#include "manul/framework/distributed/gradient_sums.h"

#include <algorithm>
#include <functional>

#include "manul/framework/elementary.h"

namespace manul {
namespace {

/// The first one begins early; the others are so long that a sum's latency does not count, and so short that
/// the last one, which nothing hides, is soon done. On the CPU there is one.
constexpr int64_t bytes_of_first = int64_t{1} << 20, bytes_of_others = int64_t{16} << 20;

}  // namespace

std::vector<GradientStretch> gradient_stretches(const ParameterSet& parameters, bool beside) {
  std::vector<GradientStretch> stretches;
  auto is_full = [&, element = size_of(parameters.gradients().dtype())] {
    if (!beside) return false;
    int64_t bytes = (stretches.back().end - stretches.back().begin) * element;
    return bytes >= (stretches.size() == 1 ? bytes_of_first : bytes_of_others);
  };
  std::vector<const Parameter*> trained;
  for (const Parameter& parameter : parameters.all())
    if (parameter.trainable && parameter.value.leaf()) trained.push_back(&parameter);
  std::ranges::sort(trained, std::ranges::greater(), &Parameter::offset);
  for (const Parameter* parameter : trained) {
    int64_t begin = parameter->offset, end = begin + parameter->shape.elements();
    bool joins = !stretches.empty() && stretches.back().begin - end < ParameterSet::alignment && !is_full();
    if (!joins) stretches.push_back({begin, end, {}});
    stretches.back().begin = begin;
    stretches.back().parameters.push_back(parameter);
  }
  return stretches;
}

GradientSums::GradientSums(const ParameterSet& parameters, bool in_bf16)
    : parameters_(parameters), in_bf16_(in_bf16) {
  bool beside = !parameters.gradients().device().is_cpu();
  for (const GradientStretch& stretch : gradient_stretches(parameters, beside)) {
    stretches_.push_back({stretch.begin, stretch.end, {}});
    for (const Parameter* parameter : stretch.parameters)
      stretches_.back().missing.push_back(parameter->value.leaf());
  }
}

void GradientSums::add(const Leaf& leaf) {
  for (size_t i = begun_; i < stretches_.size(); ++i)
    if (std::erase(stretches_[i].missing, &leaf) > 0) break;
  begin_those_ready();
}

Tensor GradientSums::gradients_of(const Stretch& stretch) const {
  return parameters_.gradients().range(stretch.begin, {stretch.end - stretch.begin});
}

void GradientSums::begin_those_ready() {
  for (; begun_ < stretches_.size() && stretches_[begun_].missing.empty(); ++begun_) {
    Stretch& stretch = stretches_[begun_];
    if (in_bf16_) stretch.rounded = gradients_of(stretch).to(DType::bf16);
    processes().begin_sum(in_bf16_ ? stretch.rounded : gradients_of(stretch));
  }
}

void GradientSums::finish() {
  for (Stretch& stretch : stretches_) stretch.missing.clear();
  begin_those_ready();
  processes().finish_sums();
  for (const Stretch& stretch : stretches_)
    if (in_bf16_) convert_kernel(stretch.rounded, gradients_of(stretch));
}

}  // namespace manul
