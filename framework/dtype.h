#pragma once

#include <cstdint>
#include <string_view>

#include "manul/framework/error.h"

namespace manul {

/// f32 for training, f64 for gradient checks, u8 for pixels, i32 for labels and indices.
enum class DType { f32, f64, u8, i32 };

constexpr int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return 4;
    case DType::f64:
      return 8;
    case DType::u8:
      return 1;
    case DType::i32:
      return 4;
  }
  return 0;
}

constexpr std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::f64:
      return "f64";
    case DType::u8:
      return "u8";
    case DType::i32:
      return "i32";
  }
  return "?";
}

template <class T>
inline constexpr DType dtype_of = [] {
  static_assert(sizeof(T) == 0, "not an element type of a tensor");
  return DType::f32;
}();
template <>
inline constexpr DType dtype_of<float> = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::u8;
template <>
inline constexpr DType dtype_of<int32_t> = DType::i32;

/// Calls `function(T{})` with T = float or double; `operation` names the caller in the error for other
/// dtypes.
template <class Function>
decltype(auto) visit_float(DType dtype, std::string_view operation, Function&& function) {
  switch (dtype) {
    case DType::f32:
      return function(float{});
    case DType::f64:
      return function(double{});
    default:
      fail(ErrorKind::failed, "{}: works on f32 and f64, not on {}", operation, name_of(dtype));
  }
}

/// Calls `function(T{})` with the element type of `dtype`.
template <class Function>
decltype(auto) visit_dtype(DType dtype, Function&& function) {
  switch (dtype) {
    case DType::f32:
      return function(float{});
    case DType::f64:
      return function(double{});
    case DType::u8:
      return function(uint8_t{});
    case DType::i32:
      return function(int32_t{});
  }
  fail(ErrorKind::failed, "there is no dtype {}", static_cast<int>(dtype));
}

}  // namespace manul
