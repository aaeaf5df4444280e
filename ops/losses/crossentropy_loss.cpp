#include "manul/ops/losses/crossentropy_loss.h"

#include "manul/ops/losses/kinds/binary_crossentropy.h"
#include "manul/ops/losses/kinds/categorical_crossentropy.h"
#include "manul/ops/losses/kinds/sparse_categorical_crossentropy.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

LossSpec crossentropy_loss(std::string name, std::string class_name, std::vector<std::string> aliases,
                           Options options, const Crossentropy& crossentropy) {
  LossSpec loss{std::move(name), std::move(class_name), std::move(aliases), std::move(options)};
  loss.labels_as_given = true;
  loss.from_logits = crossentropy.from_logits;
  loss.values = [crossentropy](const Tensor& labels, const Tensor& outputs) {
    return crossentropy_values(crossentropy, outputs, labels);
  };
  Crossentropy of_logits = crossentropy;
  of_logits.from_logits = true;
  loss.values_from_logits = [of_logits](const Tensor& labels, const Tensor& outputs) {
    return crossentropy_values(of_logits, outputs, labels);
  };
  if (crossentropy.ignore_class != Crossentropy{}.ignore_class)
    loss.counted = [ignored = crossentropy.ignore_class](const Tensor& labels, const Tensor& values) {
      Tensor classes = labels_like("sparse_categorical_crossentropy", labels, values);
      return minimum(square(scale(classes, 1, -static_cast<double>(ignored))), 1);
    };
  else if (crossentropy.label_smoothing == 0)
    loss.plain = crossentropy.kind;
  return loss;
}

LossSpec crossentropy_loss(Loss kind, bool from_logits) {
  switch (kind) {
    case Loss::binary_crossentropy:
      return BinaryCrossentropy{.from_logits = from_logits};
    case Loss::categorical_crossentropy:
      return CategoricalCrossentropy{.from_logits = from_logits};
    case Loss::sparse_categorical_crossentropy:
      break;
  }
  return SparseCategoricalCrossentropy{.from_logits = from_logits};
}

}  // namespace manul
