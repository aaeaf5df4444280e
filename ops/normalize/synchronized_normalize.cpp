#include "manul/ops/normalize/synchronized_normalize.h"

#include "manul/framework/distributed/communicator.h"
#include "manul/framework/distributed/parts.h"
#include "manul/framework/tape.h"
#include "manul/ops/normalize/normalize.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

struct Statistics {
  Tensor mean, variance;  // [C]
};

/// Of this process's rows alone, [C] each: what moving statistics become that forget all at once.
Statistics own_statistics(const Tensor& x, double epsilon) {
  DType dtype = compute_dtype(x.dtype());
  Shape channels{x.shape()[-1]};
  Statistics own{Tensor::zeros(channels, dtype, x.device()), Tensor::zeros(channels, dtype, x.device())};
  Tensor mean = Tensor::empty_like(own.mean), inverse_deviation = Tensor::empty_like(own.mean);
  batch_statistics_kernel(x, epsilon, 0, own.mean, own.variance, mean, inverse_deviation);
  return own;
}

/// Of all processes: each lays its own in its place of a table, whose sum everybody has. The variance is the
/// mean of the variances and of the squared distances between the means (Chan, Golub and LeVeque 1979).
Statistics statistics_of_all(const Tensor& x, double epsilon, const BatchPart& part) {
  Statistics own = own_statistics(x, epsilon);
  const Communicator& all = processes();
  int64_t channels = x.shape()[-1], size = all.size();
  Tensor table = Tensor::zeros({2, size, channels}, own.mean.dtype(), x.device());
  std::vector<double> shares;
  for (int rank = 0; rank < size; ++rank)
    shares.push_back(part_of_batch(part.total, rank, all.size()).share());
  table.range(all.rank() * channels, {channels}).copy_from(own.mean);
  table.range((size + all.rank()) * channels, {channels}).copy_from(own.variance);
  all.sum(table);
  Statistics of_all{Tensor::zeros({channels}, own.mean.dtype(), x.device()), {}};
  Tensor squares = Tensor::zeros({channels}, own.mean.dtype(), x.device());
  auto row = [&](int64_t which, int64_t rank) {
    return table.range((which * size + rank) * channels, {channels});
  };
  for (int64_t rank = 0; rank < size; ++rank)
    of_all.mean = add(of_all.mean, scale(row(0, rank), shares[rank]));
  for (int64_t rank = 0; rank < size; ++rank) {
    Tensor spread = add(row(1, rank), square(subtract(row(0, rank), of_all.mean)));
    squares = add(squares, scale(spread, shares[rank]));
  }
  of_all.variance = squares;
  return of_all;
}

void move(const Tensor& moving, const Tensor& value, double momentum) {
  moving.copy_from(add(scale(moving, momentum), scale(cast(value, moving.dtype()), 1 - momentum)));
}

}  // namespace

Tensor batch_normalize_synchronized(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                    const Tensor& moving_mean, const Tensor& moving_variance, double epsilon,
                                    double momentum, const BatchPart& part) {
  if (part.is_whole())
    return batch_normalize_training(x, gamma, beta, moving_mean, moving_variance, epsilon, momentum);
  check_normalization("batch_normalize", x, {&gamma, &beta, &moving_mean, &moving_variance});
  auto [mean, variance] = statistics_of_all(x, epsilon, part);
  move(moving_mean, mean, momentum);
  move(moving_variance, variance, momentum);
  Tensor inverse_deviation = reciprocal(sqrt(scale(variance, 1, epsilon)));
  Tensor y = Tensor::empty_like(x);
  batch_normalize_training_kernel(x, gamma, beta, mean, inverse_deviation, y);
  Tape* tape = Tape::recording({&x, &gamma, &beta});
  if (!tape) return y;
  // With h = (x - mean) * inverse_deviation over the n rows of all: dx = gamma * inverse_deviation * (dy -
  // sum dy / n - h * sum dy h / n), the sums over all processes.
  auto gradient = [x, gamma, mean = mean, inverse_deviation, part](const Tensor& dy, Gradients& gradients) {
    Tensor sums = Tensor::zeros({2, mean.elements()}, mean.dtype(), mean.device());
    Tensor dgamma = sums.range(0, mean.shape()), dbeta = sums.range(mean.elements(), mean.shape());
    batch_normalize_backward_kernel(x, gamma, mean, inverse_deviation, dy, Tensor(), dgamma, dbeta);
    if (gradients.needed(1)) gradients.give(1, cast(dgamma.clone(), gamma.dtype()));
    if (gradients.needed(2)) gradients.give(2, cast(dbeta.clone(), dbeta.dtype()));
    if (!gradients.needed(0)) return;
    Tensor all = sum_of_parts(sums, part);
    if (!part.counts) return gradients.give(0, scale(dy, 0));  // x is in no statistics
    double rows = static_cast<double>(x.shape().rows() / part.length * part.total);
    Tensor factor =
        gamma.defined() ? multiply(cast(gamma, mean.dtype()), inverse_deviation) : inverse_deviation;
    Tensor of_dy = scale(all.range(mean.elements(), mean.shape()), 1 / rows);
    Tensor of_h = multiply(scale(all.range(0, mean.shape()), 1 / rows), inverse_deviation);
    Tensor wide = cast(x, mean.dtype());
    Tensor rest = add(multiply(subtract(wide, mean), of_h), of_dy);
    gradients.give(0, cast(multiply(subtract(cast(dy, mean.dtype()), rest), factor), x.dtype()));
  };
  tape->record("batch_normalize", y, {x, gamma, beta}, gradient);
  return y;
}

Tensor sum_over_processes(const Tensor& x, const BatchPart& part) {
  if (part.is_whole()) return x;
  Tensor sum = sum_of_parts(x, part);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("sum_over_processes", sum, {x}, [part](const Tensor& dy, Gradients& gradients) {
      Tensor all = dy.clone();
      processes().sum(all);
      gradients.give(0, part.counts ? all : scale(all, 0));
    });
  return sum;
}

}  // namespace manul
