#include "manul/ops/losses/kinds/circle.h"

#include "manul/ops/dense/batch_matmul.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/where.h"
#include "manul/ops/reduce/cumulative_sum.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

/// [N, N]: 1 where numbers [N] of row and column are equal.
Tensor equal_pairs(const Tensor& numbers) {
  int64_t n = numbers.elements();
  return equal(broadcast_to(numbers.view({n, 1}), {n, n}), broadcast_to(numbers.view({1, n}), {n, n}));
}

/// log(sum of exp(x)) of the pairs in each row; far below any number where there are none.
Tensor log_sum_exp(const Tensor& pairs, const Tensor& x) {
  Tensor known = where(pairs, x, Tensor::full({1}, -1e30, x.dtype(), x.device()));
  Tensor top = max(known, -1, true);
  Tensor sums = sum(exp(subtract(known, broadcast_to(top, x.shape()))), -1);
  return add(log(sums), reshape(top, sums.shape()));
}

}  // namespace

Tensor Circle::values(const Tensor& labels, const Tensor& embeddings) const {
  int64_t n = embeddings.shape()[0];
  check(embeddings.shape().rank() == 2 && labels.elements() == n,
        "circle: labels {} do not fit embeddings {}, one class a row", labels.shape(), embeddings.shape());
  Tensor distances = maximum(scale(batch_matmul(embeddings, embeddings, Transpose::b), -1, 1), 0);
  Tensor alike = equal_pairs(cast(labels.view({n}), embeddings.dtype())), others = scale(alike, -1, 1);
  if (remove_diagonal) {
    Tensor places = cumulative_sum(Tensor::full({n}, 1, embeddings.dtype(), embeddings.device()));
    alike = subtract(alike, equal_pairs(places));
  }
  Tensor near = multiply(scale(distances, 1, margin), scale(distances, gamma, -gamma * margin));
  Tensor far =
      multiply(maximum(scale(distances, -1, 1 + margin), 0), scale(distances, -gamma, gamma * (1 - margin)));
  return softplus(add(log_sum_exp(alike, near), log_sum_exp(others, far)));
}

Circle::operator LossSpec() const {
  return {.name = "circle",
          .class_name = "Circle",
          .options = options_of(*this),
          .values = [loss = *this](const Tensor& y, const Tensor& p) { return loss.values(y, p); },
          .labels_as_given = true,
          .counted = [](const Tensor& /*labels*/, const Tensor& values) { return greater(values, 0); }};
}

}  // namespace manul
