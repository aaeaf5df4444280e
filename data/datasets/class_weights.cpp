#include "manul/data/datasets/class_weights.h"

#include <cmath>

#include "manul/data/datasets/class_weight_functions.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

constexpr int64_t most_classes = 1'000'000;

Tensor table_of(const ClassWeights& weights) {
  check(!weights.empty(), "class_weight: there are no weights");
  check(weights.begin()->first >= 0 && weights.rbegin()->first < most_classes,
        "class_weight: classes are numbered from 0, there is none of {}",
        weights.begin()->first < 0 ? weights.begin()->first : weights.rbegin()->first);
  std::vector<float> table(static_cast<size_t>(weights.rbegin()->first) + 1, 1.0F);
  for (const auto& [label, weight] : weights) {
    check(std::isfinite(weight) && weight >= 0, "class_weight: the weight of class {} is {}, not 0 or more",
          label, weight);
    table[static_cast<size_t>(label)] = static_cast<float>(weight);
  }
  return Tensor::from(table, {static_cast<int64_t>(table.size())});
}

}  // namespace

ClassWeighted::ClassWeighted(Dataset& data, const ClassWeights& weights, Device device)
    : DatasetView(data), table_(table_of(weights).to(device)), has_weights_(!data.spec().weights.empty()) {
  BatchSpec spec = data.spec();
  check(spec.labels.size() == 1, "class_weight: it is for one label, the data has {}", spec.labels.size());
  check(spec.labels[0].shape.rank() <= 1, "class_weight: labels of shape {} are not classes",
        spec.labels[0].shape);
}

BatchSpec ClassWeighted::spec() const {
  BatchSpec spec = base().spec();
  spec.weights = {{{}, DType::f32}};
  return spec;
}

void ClassWeighted::fill(const DeviceStepState& state, const Batch& batch) {
  Batch inner = batch;
  if (!has_weights_) inner.weights.clear();
  base().next_batch(state, inner);
  weights_by_class(batch.labels[0], table_, has_weights_, batch.weights[0]);
}

void weights_by_class(const Tensor& labels, const Tensor& table, bool multiply, const Tensor& weights) {
  int64_t samples = weights.elements();
  check(weights.dtype() == DType::f32 && table.dtype() == DType::f32 && samples > 0 &&
            labels.elements() % samples == 0,
        "class weights: labels {} do not fit weights {}", labels.shape(), weights.shape());
  weights_by_class_kernel(labels, table, multiply, weights);
}

namespace {

template <class T>
void weigh_rows(const Tensor& labels, const Tensor& table, bool multiply, const Tensor& weights) {
  int64_t length = labels.elements() / weights.elements();
  float* weight = weights.mutable_data<float>();
  for (int64_t i = 0; i < weights.elements(); ++i)
    weight[i] = (multiply ? weight[i] : 1.0F) *
                weight_of_class(labels.data<T>() + i * length, length, table.data<float>(), table.elements());
}

}  // namespace

void cpu::weights_by_class(const Tensor& labels, const Tensor& table, bool multiply, const Tensor& weights) {
  visit_dtype(labels.dtype(),
              [&](auto zero) { weigh_rows<decltype(zero)>(labels, table, multiply, weights); });
}

}  // namespace manul
