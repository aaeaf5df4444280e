#include "manul/framework/elementary.h"

#include <algorithm>

#include "manul/framework/cpu/eigen.h"

namespace manul::cpu {
namespace {

template <class From, class To>
void convert_all(const Tensor& x, const Tensor& y) {
  parallel_for(x.elements(), elements_a_part,
               [from = x.data<From>(), to = y.mutable_data<To>()](int64_t begin, int64_t end) {
                 std::transform(from + begin, from + end, to + begin,
                                [](From value) { return static_cast<To>(value); });
               });
}

}  // namespace

void convert(const Tensor& x, const Tensor& y) {
  visit_compute(y.dtype(), "convert", [&](auto types) {
    using To = typename decltype(types)::Storage;
    if (x.dtype() == DType::bf16) return convert_all<bfloat16, To>(x, y);
    visit_dtype(x.dtype(), [&]<class From>(From) { convert_all<From, To>(x, y); });
  });
}

void accumulate(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "accumulate", [&]<class T>(T) {
    T* to = y.mutable_data<T>();
    map<T>(
        x.elements(), [](Vector<T> sum, Vector<T> v) { return sum + v; }, to, to, x.data<T>());
  });
}

void fill(double value, const Tensor& y) {
  auto fill_all = [&]<class T>(T) {
    std::fill_n(y.mutable_data<T>(), y.elements(), static_cast<T>(value));
  };
  y.dtype() == DType::bf16 ? fill_all(bfloat16()) : visit_dtype(y.dtype(), fill_all);
}

}  // namespace manul::cpu
