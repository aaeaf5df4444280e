#pragma once

#include <string>
#include <string_view>

#include "manul/framework/error.h"
#include "manul/framework/module.h"

namespace manul::archive {

/// A function of the module around libarchive. Throws an Error of `kind`, "WHAT cannot be used: REASON",
/// where it cannot be loaded.
template <class Function>
Function* library_function(const char* symbol, ErrorKind kind, std::string_view what) {
  std::string reason;
  auto* function = reinterpret_cast<Function*>(module_function("libmanul_archive.so", symbol, reason));
  if (!function) fail(kind, "{} cannot be used: {}", what, reason);
  return function;
}

}  // namespace manul::archive
