#include "manul/models/training/losses.h"

#include <algorithm>
#include <array>

#include "manul/framework/error.h"

namespace manul {
namespace {

constexpr std::array crossentropies{
    CrossentropyName{Loss::binary_crossentropy, "binary_crossentropy", "BinaryCrossentropy"},
    CrossentropyName{Loss::categorical_crossentropy, "categorical_crossentropy", "CategoricalCrossentropy"},
    CrossentropyName{Loss::sparse_categorical_crossentropy, "sparse_categorical_crossentropy",
                     "SparseCategoricalCrossentropy"},
};

}  // namespace

const CrossentropyName& names_of(Loss loss) {
  return *std::find_if(crossentropies.begin(), crossentropies.end(),
                       [&](const CrossentropyName& names) { return names.loss == loss; });
}

std::optional<Loss> find_crossentropy(const std::string& name) {
  for (const CrossentropyName& names : crossentropies)
    if (name == names.name || name == names.class_name) return names.loss;
  if (name == "bce") return Loss::binary_crossentropy;
  return {};
}

OutputLoss::OutputLoss(const LossSpec& composed) : composed_(composed) {
  check(static_cast<bool>(composed.values), "compile: there is no loss {}", composed.name);
}

OutputLoss::OutputLoss(const std::string& name)
    : crossentropy_(find_crossentropy(name)), composed_(crossentropy_ ? LossSpec() : find_loss(name)) {
  if (is_none()) fail(ErrorKind::usage, "compile: there is no loss {}", name);
}

std::string OutputLoss::name() const {
  return crossentropy_ ? names_of(*crossentropy_).name : composed_.name;
}

}  // namespace manul
