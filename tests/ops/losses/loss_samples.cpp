#include "manul/ops/fused/dense_loss.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

OpInput classes(const Shape& shape, int count) {
  return {shape, 0, static_cast<double>(count), false, DType::i32};
}

OpSample from_logits(const char* name, Loss loss, const Shape& logits, const OpInput& labels) {
  return {name, {{logits, -6, 6}, labels}, [loss](Inputs x) { return loss_from_logits(loss, x[0], x[1]); }};
}

OpSample of_dense(const char* name, Loss loss, int64_t rows, int64_t length, int64_t units,
                  const OpInput& labels) {
  return {name, {{{rows, length}}, {{length, units}}, {{units}}, labels}, [loss](Inputs x) {
            return dense_loss(loss, x[0], x[1], x[2], x[3]).loss;
          }};
}

OpSample from_probabilities(const char* name, Loss loss, const Shape& probabilities, const OpInput& labels) {
  return {name, {{probabilities, 0.05, 0.95}, labels}, [loss](Inputs x) {
            return loss_from_probabilities(loss, x[0], x[1]);
          }};
}

}  // namespace

std::vector<OpSample> loss_samples() {
  using enum Loss;
  return {
      from_logits("binary_crossentropy_logits", binary_crossentropy, {33, 1}, classes({33}, 2)),
      from_logits("binary_crossentropy_logits_soft", binary_crossentropy, {7, 5}, {{7, 5}, 0, 1, false}),
      from_logits("binary_crossentropy_logits_one_element", binary_crossentropy, {1, 1}, classes({1, 1}, 2)),
      from_logits("categorical_crossentropy_logits", categorical_crossentropy, {7, 5}, {{7, 5}, 0, 1, false}),
      from_logits("sparse_categorical_crossentropy_logits", sparse_categorical_crossentropy, {7, 5},
                  classes({7}, 5)),
      from_logits("sparse_categorical_crossentropy_logits_many", sparse_categorical_crossentropy, {65, 1003},
                  classes({65, 1}, 1003)),
      of_dense("dense_loss_binary", binary_crossentropy, 33, 130, 1, classes({33}, 2)),
      of_dense("dense_loss_binary_soft", binary_crossentropy, 5, 7, 3, {{5, 3}, 0, 1, false}),
      of_dense("dense_loss_categorical", categorical_crossentropy, 67, 36, 4, {{67, 4}, 0, 1, false}),
      of_dense("dense_loss_sparse", sparse_categorical_crossentropy, 70, 3, 2, classes({70}, 2)),
      of_dense("dense_loss_many_units", sparse_categorical_crossentropy, 7, 9, 5, classes({7}, 5)),
      from_probabilities("binary_crossentropy", binary_crossentropy, {7, 5}, {{7, 5}, 0, 1, false}),
      from_probabilities("categorical_crossentropy", categorical_crossentropy, {7, 5}, {{7, 5}, 0, 1, false}),
      from_probabilities("sparse_categorical_crossentropy", sparse_categorical_crossentropy, {7, 5},
                         classes({7}, 5)),
  };
}

}  // namespace manul
