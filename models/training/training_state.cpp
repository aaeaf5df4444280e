#include "manul/models/training/training_state.h"

#include "manul/framework/error.h"

namespace manul {

const Tensor* TrainingState::find(const std::string& name) const {
  for (const auto& [known, tensor] : tensors)
    if (known == name) return &tensor;
  return nullptr;
}

const Tensor& TrainingState::tensor(const std::string& name, int64_t elements) const {
  const Tensor* found = find(name);
  if (!found) fail(ErrorKind::model_file, "training state: {} is missing", name);
  if (elements >= 0 && found->elements() != elements)
    fail(ErrorKind::model_file, "training state: {} has {} numbers, {} are wanted", name, found->elements(),
         elements);
  return *found;
}

}  // namespace manul
