#include "manul/layers/dtype_policy.h"

#include "manul/ops/pointwise/pointwise.h"

namespace manul {
namespace {

thread_local AutocastScope* innermost = nullptr;

}  // namespace

AutocastScope::AutocastScope(Casts& casts) : cast_(casts), outer_(innermost) {
  innermost = this;
}
AutocastScope::~AutocastScope() {
  innermost = outer_;
}

Tensor AutocastScope::cast_input(const Tensor& x) const {
  bool is_cast = x.dtype() == DType::f32 || x.dtype() == DType::bf16;
  return is_cast ? cast(x, compute_dtype(policy_)) : x;
}

const Tensor& AutocastScope::value_of(const Parameter& parameter) {
  const Tensor& stored = parameter.value;
  if (!innermost || innermost->policy_ == DTypePolicy::float32 || stored.dtype() != DType::f32) return stored;
  Tensor& cast_once = innermost->cast_[&parameter];
  if (!cast_once.defined()) cast_once = cast(stored, compute_dtype(innermost->policy_));
  return cast_once;
}

}  // namespace manul
