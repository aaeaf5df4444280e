#pragma once

#include <string_view>
#include <unordered_map>

#include "manul/framework/parameter.h"

namespace manul {

/// What a layer computes in, as Keras' argument dtype: in f32, or in bf16 (its floating inputs and its
/// weights are cast to it) with weights that are kept and trained in f32.
enum class DTypePolicy { float32, mixed_bfloat16 };

constexpr std::string_view name_of(DTypePolicy policy) {
  return policy == DTypePolicy::mixed_bfloat16 ? "mixed_bfloat16" : "float32";
}
constexpr DType compute_dtype(DTypePolicy policy) {
  return policy == DTypePolicy::mixed_bfloat16 ? DType::bf16 : DType::f32;
}

/// While one lives, the layers that this thread calls get their weights as the policy wants them, cast once
/// for all calls; the cast is recorded, so that their gradients are those of the f32 weights.
class AutocastScope {
 public:
  /// Weights in another dtype.
  using Casts = std::unordered_map<const Parameter*, Tensor>;

  /// Looks for casts in `casts` and adds to them: they may serve again while the weights stay as they are.
  explicit AutocastScope(Casts& casts);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

  /// Of the layers that are called from now on.
  void set_policy(DTypePolicy policy) { policy_ = policy; }
  /// f32 and bf16 as the policy wants them; other dtypes as they are.
  Tensor cast_input(const Tensor& x) const;

  /// The weight as the innermost scope of this thread wants it; as it is stored without one.
  static const Tensor& value_of(const Parameter& parameter);

 private:
  DTypePolicy policy_ = DTypePolicy::float32;
  Casts& cast_;
  AutocastScope* outer_;
};

}  // namespace manul
