#pragma once

#include <bit>
#include <cstdint>

// Division by what is known before a kernel starts; for .cu files.
namespace manul::cuda {

template <class Index>
struct Division {
  Index quotient, remainder;
};

/// Divides by a number that all threads share. Of 32 bits, and for numbers below 2^31: by a multiplication
/// and a shift, a fifth of a division's time (Granlund and Montgomery, Division by invariant integers using
/// multiplication, 1994).
template <class Index>
class Divider {
 public:
  explicit Divider(int64_t divisor = 1) : divisor_(static_cast<Index>(divisor)) {}
  __device__ Division<Index> operator()(Index number) const {
    Index quotient = number / divisor_;
    return {quotient, number - quotient * divisor_};
  }

 private:
  Index divisor_;
};
template <>
class Divider<uint32_t> {
 public:
  explicit Divider(int64_t divisor = 1)
      : divisor_(static_cast<uint32_t>(divisor)),
        shift_(std::bit_width(divisor_ - 1)),
        factor_(static_cast<uint32_t>((uint64_t{1} << 32) * ((uint64_t{1} << shift_) - divisor_) / divisor_ +
                                      1)) {}
  __device__ Division<uint32_t> operator()(uint32_t number) const {
    uint32_t quotient = (__umulhi(number, factor_) + number) >> shift_;
    return {quotient, number - quotient * divisor_};
  }

 private:
  uint32_t divisor_;
  int shift_;
  uint32_t factor_;
};

/// The place of an element of [batch, rows, columns, channels].
template <class Index>
struct ElementPlace {
  Index n, row, column, c;
};
template <class Index>
class ElementPlaces {
 public:
  ElementPlaces(int64_t rows, int64_t columns, int64_t channels)
      : rows_(rows), columns_(columns), channels_(channels) {}
  __device__ ElementPlace<Index> operator()(int64_t i) const {
    Division<Index> pixel = channels_(static_cast<Index>(i)), line = columns_(pixel.quotient);
    Division<Index> picture = rows_(line.quotient);
    return {picture.quotient, picture.remainder, line.remainder, pixel.remainder};
  }

 private:
  Divider<Index> rows_, columns_, channels_;
};

}  // namespace manul::cuda
