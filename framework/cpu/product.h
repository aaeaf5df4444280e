#pragma once

#include "manul/framework/tensor.h"

namespace manul::cpu {

class Ahead;

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
/// Both gradients of a dense layer, for which each row of its weights w [inputs, units] is fetched once: dx
/// [batch, inputs] = dz · wᵀ, and xᵀ · dz, which goes to `taker` in ranges of whole rows once dx no longer
/// needs these rows of w. size: rows = batch, columns = inputs, inner = units.
template <class T>
void dense_gradients(ProductSize size, const T* x, const T* dz, const T* w, T* dx,
                     const GradientTaker& taker);

/// The left matrix of a product: element (row, k) at data[row * row_step + k * inner_step].
template <class T>
struct Left {
  const T* data;
  int64_t row_step, inner_step;
  Left at(int64_t row, int64_t k) const {
    return {data + row * row_step + k * inner_step, row_step, inner_step};
  }
};

/// Rows of contiguous elements.
template <class T>
struct Rows {
  T* data;
  int64_t step;
};

/// Products of the same size, whose matrices lie so many elements from those of the one before.
struct Series {
  int64_t count = 1, a_next = 0, b_next = 0, y_next = 0;
  bool a_is_near = false;  // it lies in the thread's cache and need not be asked for
  bool y_is_far = false;   // it does not, and is asked for while its tiles are computed
};

/// y = a · b, or += if `add`, for each of a series, on the calling thread alone. Best for whole vectors of
/// columns. Meanwhile asks for what `ahead`, which may be null, has.
template <class T>
void product_on_thread(ProductSize size, Left<T> a, Rows<const T> b, Rows<T> y, bool add, Series series = {},
                       Ahead* ahead = nullptr);

}  // namespace manul::cpu
