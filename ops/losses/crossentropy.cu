#include "manul/framework/cuda/launch.h"
#include "manul/ops/losses/crossentropy.h"
#include "manul/ops/losses/crossentropy_row.h"

namespace manul::cuda {
namespace {

template <class T>
struct ValueOfRow {
  CrossentropyRow<T> row;
  T* values;
  __device__ void operator()(int64_t i) const { values[i] = row.template value_of<Alone>(i); }
};
/// A warp a row.
template <class T>
struct ValueOfLongRow {
  CrossentropyRow<T> row;
  T* values;
  __device__ void operator()(int64_t i) const {
    T value = row.template value_of<Warp>(i / 32);
    if (i % 32 == 0) values[i / 32] = value;
  }
};

template <class T>
struct TimesRow {
  const T *derivatives, *factors;
  int64_t classes;
  T* dx;
  __device__ void operator()(int64_t i) const { dx[i] = derivatives[i] * factors[i / classes]; }
};

}  // namespace

void crossentropy(const Crossentropy& options, const Tensor& outputs, const Tensor& labels,
                  const Tensor& values, const Tensor& derivatives) {
  visit_float(outputs.dtype(), "crossentropy", [&](auto zero) {
    using T = decltype(zero);
    int64_t classes = outputs.elements() / values.elements();
    CrossentropyRow<T> row{outputs.data<T>(), labels_in(labels), options, classes,
                           mutable_data_or_null<T>(derivatives)};
    constexpr int64_t least_classes_of_warp = 16;
    if (classes >= least_classes_of_warp)
      for_each(context_of(outputs), 32 * values.elements(), ValueOfLongRow<T>{row, values.mutable_data<T>()});
    else
      for_each(context_of(outputs), values.elements(), ValueOfRow<T>{row, values.mutable_data<T>()});
  });
}

void crossentropy_backward(const Tensor& derivatives, const Tensor& dy, const Tensor& dx) {
  visit_float(dx.dtype(), "crossentropy", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(dx), dx.elements(),
             TimesRow<T>{derivatives.data<T>(), dy.data<T>(), dx.elements() / dy.elements(),
                         dx.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
