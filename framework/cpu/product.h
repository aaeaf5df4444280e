#pragma once

#include "framework/tensor.h"

namespace manul::cpu {

/// y [rows, columns] is a product over `inner`.
struct ProductSize {
  int64_t rows, columns, inner;
};

// Matrix products of contiguous row-major matrices, T = float or double. Each element is added in an order
// that depends on the sizes alone.

/// y = a · b: a [rows, inner], b [inner, columns].
template <class T>
void product(ProductSize size, const T* a, const T* b, T* y);
/// y = aᵀ · b: a [inner, rows], b [inner, columns].
template <class T>
void product_transposed_a(ProductSize size, const T* a, const T* b, T* y);
/// The same, but y goes to `taker` in ranges of whole rows, while they are in the cache.
template <class T>
void product_transposed_a(ProductSize size, const T* a, const T* b, const GradientTaker& taker);
/// y = a · bᵀ: a [rows, inner], b [columns, inner].
template <class T>
void product_transposed_b(ProductSize size, const T* a, const T* b, T* y);

}  // namespace manul::cpu
