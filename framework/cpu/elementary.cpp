#include "manul/framework/elementary.h"

#include <algorithm>

#include "manul/framework/cpu/eigen.h"

namespace manul::cpu {
void accumulate(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "accumulate", [&]<class T>(T) {
    T* to = y.mutable_data<T>();
    map<T>(
        x.elements(), [](Vector<T> sum, Vector<T> v) { return sum + v; }, to, to, x.data<T>());
  });
}

void fill(double value, const Tensor& y) {
  visit_dtype(y.dtype(),
              [&]<class T>(T) { std::fill_n(y.mutable_data<T>(), y.elements(), static_cast<T>(value)); });
}

}  // namespace manul::cpu
