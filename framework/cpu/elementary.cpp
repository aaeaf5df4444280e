#include "manul/framework/elementary.h"

#include <algorithm>

#include "manul/framework/cpu/parallel.h"

namespace manul::cpu {
namespace {

constexpr int64_t grain = 1 << 14;

template <class T>
void fill_all(double value, const Tensor& y) {
  std::fill_n(y.mutable_data<T>(), y.elements(), static_cast<T>(value));
}

}  // namespace

void accumulate(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "accumulate", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    parallel_for(x.elements(), grain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] += from[i];
    });
  });
}

void fill(double value, const Tensor& y) {
  switch (y.dtype()) {
    case DType::f32:
      return fill_all<float>(value, y);
    case DType::f64:
      return fill_all<double>(value, y);
    case DType::u8:
      return fill_all<uint8_t>(value, y);
    case DType::i32:
      return fill_all<int32_t>(value, y);
  }
}

}  // namespace manul::cpu
