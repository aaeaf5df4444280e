#include "manul/data/datasets/class_weight_functions.h"
#include "manul/data/datasets/class_weights.h"
#include "manul/framework/cuda/launch.h"

namespace manul::cuda {
namespace {

template <class T>
struct ClassWeightBody {
  const T* labels;
  int64_t length;
  const float* table;
  int64_t classes;
  bool multiply;
  float* weights;

  __device__ void operator()(int64_t i) const {
    weights[i] =
        (multiply ? weights[i] : 1.0F) * weight_of_class(labels + i * length, length, table, classes);
  }
};

template <class T>
void weigh_rows(const Tensor& labels, const Tensor& table, bool multiply, const Tensor& weights) {
  for_each(context_of(weights), weights.elements(),
           ClassWeightBody<T>{labels.data<T>(), labels.elements() / weights.elements(), table.data<float>(),
                              table.elements(), multiply, weights.mutable_data<float>()});
}

}  // namespace

void weights_by_class(const Tensor& labels, const Tensor& table, bool multiply, const Tensor& weights) {
  visit_dtype(labels.dtype(),
              [&](auto zero) { weigh_rows<decltype(zero)>(labels, table, multiply, weights); });
}

}  // namespace manul::cuda
