#include "manul/framework/cpu/kept_weights.h"

namespace manul::cpu {
namespace {

thread_local KeptWeights* innermost_kept = nullptr;

}  // namespace

KeptWeights::Scope::Scope(KeptWeights& kept) : outer_(innermost_kept) {
  for (auto& [key, entry] : kept.entries_) entry.used = false;
  innermost_kept = &kept;
}

KeptWeights::Scope::~Scope() {
  std::erase_if(innermost_kept->entries_, [](const auto& entry) { return !entry.second.used; });
  innermost_kept = outer_;
}

bool KeptWeights::any() {
  return innermost_kept != nullptr;
}

Tensor& KeptWeights::find(const Tensor& weights, const void* data, std::span<const int64_t> how) {
  // No other memory has this version, nor has this one once it was written to.
  std::vector<int64_t> key{static_cast<int64_t>(weights.version()), reinterpret_cast<intptr_t>(data)};
  key.insert(key.end(), how.begin(), how.end());
  Entry& entry = innermost_kept->entries_[std::move(key)];
  entry.used = true;
  return entry.made;
}

}  // namespace manul::cpu
