#pragma once

#include <cmath>
#include <vector>

#include "manul/framework/host_device.h"
#include "manul/framework/kernel.h"

namespace manul {

/// w *= wanted / (1e-7 + norm), with wanted = rate * clip(norm, least, most) + (1 - rate) * norm: what Keras'
/// constraints of norms have in common.
struct NormLimits {
  double least = 0, most = 1, rate = 1;
};

/// A stretch of a weight over whose axes a norm is taken, and those of the others: what both devices walk.
struct NormWalk {
  static constexpr int most_axes = 6;
  int kept = 0, reduced = 0;
  int64_t cells = 1, terms = 1;  // products of the lengths
  int64_t kept_length[most_axes] = {}, kept_stride[most_axes] = {};
  int64_t reduced_length[most_axes] = {}, reduced_stride[most_axes] = {};

  /// Axes count from the end where they are negative. Throws where the shape has no such axis.
  NormWalk(const Shape& shape, const std::vector<int64_t>& axes);

  MANUL_HOST_DEVICE static int64_t place(int64_t index, int axes, const int64_t* length,
                                         const int64_t* stride) {
    int64_t place = 0;
    for (int axis = axes - 1; axis >= 0; --axis) {
      place += index % length[axis] * stride[axis];
      index /= length[axis];
    }
    return place;
  }
  /// Limits one norm.
  template <class T>
  MANUL_HOST_DEVICE void limit(const NormLimits& limits, int64_t cell, T* weight) const {
    T* from = weight + place(cell, kept, kept_length, kept_stride);
    T sum = 0;
    for (int64_t i = 0; i < terms; ++i) {
      T value = from[place(i, reduced, reduced_length, reduced_stride)];
      sum += value * value;
    }
    T norm = std::sqrt(sum), least = static_cast<T>(limits.least), most = static_cast<T>(limits.most);
    T clipped = norm < least ? least : norm > most ? most : norm, rate = static_cast<T>(limits.rate);
    T factor = (rate * clipped + (1 - rate) * norm) / (static_cast<T>(1e-7) + norm);
    for (int64_t i = 0; i < terms; ++i) from[place(i, reduced, reduced_length, reduced_stride)] *= factor;
  }
};

/// Limits the norms of f32 or f64 weights over the walk's axes.
MANUL_KERNEL(limit_norms, void(const Tensor& weight, const NormWalk& walk, const NormLimits& limits));
/// Negative elements become 0.
MANUL_KERNEL(make_non_negative, void(const Tensor& weight));

}  // namespace manul
