#include "manul/ops/losses/kinds/ctc.h"

#include "manul/ops/dense/batch_matmul.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/where.h"
#include "manul/ops/reduce/cumulative_sum.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/gather.h"
#include "manul/ops/shape/pad.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

constexpr double log_of_0 = -1e30;

Tensor constant(double value, const Shape& shape, const Tensor& like) {
  return Tensor::full(shape, value, like.dtype(), like.device());
}

/// log(sum of exp(x)) along an axis; stays at log_of_0 where all are.
Tensor log_sum_exp(const Tensor& x, int axis) {
  Tensor top = max(x, axis, true);
  Tensor sums = sum(exp(subtract(x, broadcast_to(top, x.shape()))), axis);
  return add(log(sums), reshape(top, sums.shape()));
}

/// The classes with a blank before, between and behind: [N, most] -> [N, 2 most + 1].
Tensor with_blanks(const Tensor& classes) {
  int64_t n = classes.shape()[0], most = classes.shape()[1];
  Tensor pairs = pad(reshape(classes, {n, most, 1}), {{0, 0}, {0, 0}, {1, 0}});
  return pad(reshape(pairs, {n, 2 * most}), {{0, 0}, {0, 1}});
}

/// x [N, S] moved to the right.
Tensor moved(const Tensor& x, int64_t places, double filling) {
  return pad(slice(x, 1, 0, x.shape()[1] - places), {{0, 0}, {places, 0}}, filling);
}

/// 0 where a path may leave out the blank before this place, because another class than there comes: else
/// log_of_0.
Tensor leaving_out_a_blank(const Tensor& read) {
  Tensor other = scale(equal(read, moved(read, 2, 0)), -1, 1);
  return scale(multiply(other, greater(read, 0)), -log_of_0, log_of_0);
}

/// Logarithms of the probabilities of all paths that are at a place of `read` [N, S] after each step: those
/// of the last one, [N, S]. emitted [N, steps, S]: of the class of each place at each step.
Tensor after_all_steps(const Tensor& read, const Tensor& emitted) {
  int64_t n = read.shape()[0], places = read.shape()[1], steps = emitted.shape()[1];
  std::vector<Tensor> at = split(emitted, std::vector<int64_t>(static_cast<size_t>(steps), 1), 1);
  Tensor numbers = cumulative_sum(constant(1, {places}, emitted), 0);
  Tensor start = broadcast_to(reshape(scale(greater(numbers, 2.5), log_of_0), {1, places}), {n, places});
  Tensor leaving_out = leaving_out_a_blank(read);
  Tensor paths = add(reshape(at[0], {n, places}), start);
  for (int64_t step = 1; step < steps; ++step) {
    Tensor two_before = add(moved(paths, 2, log_of_0), leaving_out);
    Tensor all = log_sum_exp(stack({paths, moved(paths, 1, log_of_0), two_before}), 0);
    paths = add(all, reshape(at[static_cast<size_t>(step)], {n, places}));
  }
  return paths;
}

}  // namespace

Tensor CTC::values(const Tensor& labels, const Tensor& logits) const {
  const Shape& shape = logits.shape();
  check(shape.rank() == 3, "ctc: predictions are [samples, steps, classes], not {}", shape);
  int64_t n = shape[0], classes = shape[2];
  check(labels.shape().rank() > 0 && labels.shape()[0] == n && labels.elements() > 0,
        "ctc: labels {} do not fit predictions {}, a row of classes a sample", labels.shape(), shape);
  Tensor wanted = cast(reshape(labels, {n, labels.elements() / n}), logits.dtype());
  Tensor read = with_blanks(wanted);
  int64_t places = read.shape()[1];
  Tensor emitted = batch_matmul(log_softmax(logits), one_hot(read, classes, logits.dtype()), Transpose::b);
  Tensor paths = after_all_steps(read, emitted);
  // At the end a path is at the last class or at the blank behind it.
  Tensor last = scale(sum(greater(wanted, 0), 1), 2);
  Tensor ends =
      add(one_hot(last, places, logits.dtype()), one_hot(scale(last, 1, -1), places, logits.dtype()));
  Tensor all = log_sum_exp(where(ends, paths, constant(log_of_0, {1}, paths)), 1);
  return where(greater(all, log_of_0 / 10), scale(all, -1), constant(-log_of_0, {1}, all));
}

CTC::operator LossSpec() const {
  return {.name = "ctc",
          .class_name = "CTC",
          .values = [loss = *this](const Tensor& y, const Tensor& p) { return loss.values(y, p); },
          .labels_as_given = true};
}

}  // namespace manul
