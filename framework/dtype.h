#pragma once

#include <cstdint>
#include <string_view>

#include "manul/framework/bfloat16.h"
#include "manul/framework/error.h"

namespace manul {

/// f32 for training, bf16 for what mixed precision keeps and multiplies, f64 for gradient checks, u8 for
/// pixels, i32 for labels and indices.
enum class DType { f32, f64, bf16, u8, i32 };

constexpr int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return 4;
    case DType::f64:
      return 8;
    case DType::bf16:
      return 2;
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
    case DType::bf16:
      return "bf16";
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
inline constexpr DType dtype_of<bfloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::u8;
template <>
inline constexpr DType dtype_of<int32_t> = DType::i32;

/// What arithmetic on elements of a dtype is done in, and what sums and statistics of them are kept in.
constexpr DType compute_dtype(DType dtype) {
  return dtype == DType::bf16 ? DType::f32 : dtype;
}
constexpr bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::bf16;
}

/// Calls `function(T{})` with T = float or double; `operation` names the caller in the error for other
/// dtypes. A kernel gets bf16 as f32 (framework/kernel.h).
template <class Function>
decltype(auto) visit_float(DType dtype, std::string_view operation, Function&& function) {
  switch (dtype) {
    case DType::f32:
      return function(float{});
    case DType::f64:
      return function(double{});
    case DType::bf16:
    case DType::u8:
    case DType::i32:
      break;
  }
  fail(ErrorKind::failed, "{}: works on f32 and f64, not on {}", operation, name_of(dtype));
}

/// The type that elements lie in memory as, and the one that they are computed in.
template <class T>
struct ElementTypes {
  using Storage = T;
  using Compute = manul::Compute<T>;
};

/// Calls `function(types)` with the {Storage, Compute} {float, float}, {double, double} or {bfloat16, float}:
/// of a kernel that takes bf16 itself.
template <class Function>
decltype(auto) visit_compute(DType dtype, std::string_view operation, Function&& function) {
  switch (dtype) {
    case DType::f32:
      return function(ElementTypes<float>{});
    case DType::f64:
      return function(ElementTypes<double>{});
    case DType::bf16:
      return function(ElementTypes<bfloat16>{});
    case DType::u8:
    case DType::i32:
      break;
  }
  fail(ErrorKind::failed, "{}: works on f32, f64 and bf16, not on {}", operation, name_of(dtype));
}

/// Calls `function(T{})` with the element type of `dtype`, which is not bf16.
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
    case DType::bf16:
      break;
  }
  fail(ErrorKind::failed, "there is no arithmetic in {}", name_of(dtype));
}

/// Calls `function(T{})` with the unsigned integer that is as long as an element: for ops that move elements
/// and never look at them (Tensor::bits()).
template <class Function>
decltype(auto) visit_bits(DType dtype, Function&& function) {
  switch (size_of(dtype)) {
    case 1:
      return function(uint8_t{});
    case 2:
      return function(uint16_t{});
    case 4:
      return function(uint32_t{});
    default:
      return function(uint64_t{});
  }
}

}  // namespace manul
