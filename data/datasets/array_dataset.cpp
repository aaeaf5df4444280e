#include "manul/data/datasets/array_dataset.h"

#include "manul/data/datasets/gather_rows.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

int64_t samples_of(const char* what, const Tensor& array) {
  check(array.defined() && array.shape().rank() > 0, "array data set: {} are [samples, ..], not one number",
        what);
  return array.shape()[0];
}

}  // namespace

Tensor as_labels(const Tensor& labels) {
  if (!labels.defined() || labels.dtype() != DType::u8) return labels;
  std::vector<uint8_t> values = labels.to_vector<uint8_t>();
  return Tensor::from(std::vector<int32_t>(values.begin(), values.end()), labels.shape(), labels.device());
}

ArrayDataset::ArrayDataset(const Tensors& inputs, const Tensors& labels, const Tensors& weights,
                           const ArrayDatasetOptions& options)
    : class_names_(options.class_names) {
  check(!inputs.empty(), "array data set: there are no inputs");
  size_ = samples_of("inputs", inputs[0]);
  auto keep = [&](const char* what, const Tensor& array, std::vector<Tensor>& arrays) {
    if (int64_t samples = samples_of(what, array); samples != size_)
      fail(ErrorKind::data, "array data set: {} have {} samples, the first inputs {}", what, samples, size_);
    arrays.push_back(array.to(options.device));
  };
  for (const Tensor& array : inputs) keep("inputs", array, arrays_.inputs);
  for (const Tensor& array : labels) keep("labels", as_labels(array), arrays_.labels);
  check(weights.size() == labels.size() || weights.empty() || (weights.size() == 1 && !labels.empty()),
        "array data set: {} arrays of weights for {} of labels", weights.size(), labels.size());
  for (const Tensor& array : weights) {
    keep("weights", array, arrays_.weights);
    check(array.dtype() == DType::f32 && array.elements() == size_,
          "array data set: weights are f32 [{}], not {} {}", size_, name_of(array.dtype()), array.shape());
    arrays_.weights.back() = arrays_.weights.back().view({size_});
  }
  order_ = Tensor::empty({size_}, DType::i32, options.device);
  begin_epoch(0, 0, false);
}

BatchSpec ArrayDataset::spec() const {
  BatchSpec spec;
  for (const Tensor& array : arrays_.inputs)
    spec.inputs.push_back({array.shape().sample(), array.dtype() == DType::u8 ? DType::f32 : array.dtype()});
  for (const Tensor& array : arrays_.labels) spec.labels.push_back({array.shape().sample(), array.dtype()});
  for (const Tensor& array : arrays_.weights) spec.weights.push_back({{}, array.dtype()});
  return spec;
}

void ArrayDataset::set_order(const std::vector<int32_t>& order) {
  auto count = static_cast<int64_t>(order.size());
  order_.range(0, {count}).copy_from(Tensor::from(order, {count}));
}

void ArrayDataset::fill(const DeviceStepState& state, const Batch& batch) {
  auto gather = [&](const std::vector<Tensor>& arrays, const std::vector<Tensor>& targets) {
    for (size_t i = 0; i < arrays.size(); ++i) gather_rows(state.tensor(), order_, arrays[i], targets[i]);
  };
  gather(arrays_.inputs, batch.inputs);
  gather(arrays_.labels, batch.labels);
  gather(arrays_.weights, batch.weights);
}

}  // namespace manul
