#include "manul/ops/optimizers/kinds/lamb.h"

#include "manul/ops/optimizers/kinds/sgd.h"

namespace manul {

void Lamb::attached() {
  const Tensor& values = parameters().values();
  steps_ = Tensor::zeros(values.shape(), values.dtype(), values.device());
  to_length_.parameter_of = rows_of_parameters();
  auto count = static_cast<int64_t>(parameters().all().size());
  to_length_.factors = Tensor::zeros({count, 3}, values.dtype(), values.device());
}

void Lamb::apply(const Update& update) {
  Tensor steps = steps_.range(update.begin, update.values.shape());
  Update moments = update;
  moments.slots.push_back(steps);
  moments.samples = Update::not_counted;
  run_update(options(), moments);
  const GradientChunks& chunks = trained_chunks();
  trust_ratios_kernel(parameters().values(), steps_, chunks.places, chunks.first_of, to_length_.factors);
  Update descent = update;
  descent.gradients = steps;
  descent.slots.clear();
  descent.treatments = &to_length_;
  run_update(SGDOptions{}, descent);
}

}  // namespace manul
