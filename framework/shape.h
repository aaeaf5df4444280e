#pragma once

#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace manul {

/// The lengths of a tensor's axes, outermost first; rank 0 is a scalar. At most 8 axes.
class Shape {
 public:
  static constexpr int max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> lengths) : Shape(std::span(lengths.begin(), lengths.size())) {}
  /// Throws if there are more than max_rank lengths, if one is negative, or if their product overflows.
  explicit Shape(std::span<const int64_t> lengths);

  int rank() const { return rank_; }
  /// Axis `i`; negative counts from the end.
  int64_t operator[](int i) const { return lengths_[i < 0 ? i + rank_ : i]; }
  /// Product of all lengths; 1 for a scalar.
  int64_t elements() const { return elements_; }
  /// Product of all lengths but the last (1 for rank 0 and 1).
  int64_t rows() const { return rank_ == 0 ? 1 : (*this)[-1] == 0 ? 0 : elements_ / (*this)[-1]; }

  const int64_t* begin() const { return lengths_.data(); }
  const int64_t* end() const { return lengths_.data() + rank_; }

  /// The shape without its first axis: one sample of a batch.
  Shape sample() const;
  /// The shape with `length` put before its first axis: a batch of samples.
  Shape batch_of(int64_t length) const;
  /// "[32, 64, 64, 3]"
  std::string text() const;

  bool operator==(const Shape& other) const;

 private:
  std::array<int64_t, max_rank> lengths_{};
  int rank_ = 0;
  int64_t elements_ = 1;
};

}  // namespace manul

/// Prints text(); there are no format options.
template <>
struct fmt::formatter<manul::Shape> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  format_context::iterator format(const manul::Shape& shape, format_context& context) const;
};
