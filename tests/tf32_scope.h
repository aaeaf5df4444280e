#pragma once

#include "manul/framework/device.h"

namespace manul {

/// While one lives, a GPU may round the inputs of products of f32 to TF32.
struct Tf32Scope {
  Tf32Scope() { allow_tf32(true); }
  ~Tf32Scope() { allow_tf32(false); }
  Tf32Scope(const Tf32Scope&) = delete;
  Tf32Scope& operator=(const Tf32Scope&) = delete;
};

}  // namespace manul
