#pragma once

#include <optional>

#include "manul/framework/memory.h"

namespace manul::cpu {

/// Memory that grows with what is asked of it and is never cleared. For what a part of a kernel needs again
/// and again.
template <class T>
class Scratch {
 public:
  /// For so many elements; what was there is lost when it grows.
  T* of(int64_t elements) {
    const auto bytes = static_cast<size_t>(elements) * sizeof(T);
    if (!memory_ || memory_->bytes < bytes) memory_.emplace(bytes, Device::cpu());
    return reinterpret_cast<T*>(memory_->data);
  }

 private:
  std::optional<Storage> memory_;
};

}  // namespace manul::cpu
