#include "manul/framework/shape.h"

#include <algorithm>

#include "manul/framework/error.h"

namespace manul {

Shape::Shape(std::span<const int64_t> lengths) : rank_(static_cast<int>(lengths.size())) {
  check(rank_ <= max_rank, "shape: {} axes are more than the {} a tensor may have", rank_, max_rank);
  std::copy(lengths.begin(), lengths.end(), lengths_.begin());
  for (int64_t length : lengths) {
    check(length >= 0, "shape: {} has a negative length", *this);
    check(!__builtin_mul_overflow(elements_, length, &elements_), "shape: {} has too many elements", *this);
  }
}

Shape Shape::sample() const {
  check(rank_ > 0, "shape: a scalar has no batch axis");
  return Shape(std::span(begin() + 1, end()));
}

Shape Shape::batch_of(int64_t length) const {
  std::array<int64_t, max_rank + 1> lengths{length};
  std::copy(begin(), end(), lengths.begin() + 1);
  return Shape(std::span<const int64_t>(lengths.data(), rank_ + 1));
}

std::string Shape::text() const {
  std::string result = "[";
  for (int i = 0; i < rank_; ++i) result += fmt::format("{}{}", i ? ", " : "", lengths_[i]);
  return result + "]";
}

bool Shape::operator==(const Shape& other) const {
  return std::equal(begin(), end(), other.begin(), other.end());
}

}  // namespace manul

fmt::format_context::iterator fmt::formatter<manul::Shape>::format(const manul::Shape& shape,
                                                                   format_context& context) const {
  return fmt::format_to(context.out(), "{}", shape.text());
}
