#pragma once

#include <array>
#include <span>

#include "manul/framework/host_device.h"
#include "manul/framework/kernel.h"

namespace manul {

/// Where the elements of a box lie in memory: element i, counted row by row, at offset(i). Steps are in
/// elements; a step of 0 repeats.
struct StridedBox {
  int rank = 0;
  std::array<int64_t, Shape::max_rank> lengths{}, steps{};

  MANUL_HOST_DEVICE int64_t offset(int64_t i) const {
    int64_t at = 0;
    for (int axis = rank - 1; axis > 0; --axis) {
      at += i % lengths[axis] * steps[axis];
      i /= lengths[axis];
    }
    return rank > 0 ? at + i * steps[0] : at;
  }
  int64_t elements() const;
  void add_axis(int64_t length, int64_t step);
};

/// The steps between neighbours along each axis of a tensor of this shape.
std::array<int64_t, Shape::max_rank> steps_of(const Shape& shape);

/// A copy of a box of elements between two places: both boxes have the same lengths.
struct StridedCopy {
  StridedBox from, to;
  int64_t from_first = 0, to_first = 0;

  /// Adds a further, inner axis, as part of the former one where both memories allow it.
  void add_axis(int64_t length, int64_t from_step, int64_t to_step);
};

/// The elements `first` .. `first` + lengths of `whole`, row by row.
StridedCopy copy_from_region(const Shape& whole, std::span<const int64_t> first, const Shape& lengths);
StridedCopy copy_to_region(const Shape& whole, std::span<const int64_t> first, const Shape& lengths);

/// Any dtype; what lies outside the box in `to` is left as it is.
MANUL_KERNEL_TAKING_BF16(everywhere, strided_copy,
                         void(const Tensor& from, const StridedCopy& copy, const Tensor& to));

}  // namespace manul
