#include <algorithm>

#include "manul/framework/cuda/launch.h"
#include "manul/ops/metrics/accumulate_functions.h"

namespace manul::cuda {
namespace {

constexpr int accumulate_threads = 256;
constexpr unsigned most_blocks = 64;

/// The mean loss of a batch, and where its total stands; null: none.
template <class T>
struct LossToAdd {
  const T* loss;
  double samples;
  double* totals;
  __device__ void add() const {
    if (!loss) return;
    totals[0] += static_cast<double>(*loss) * samples;
    totals[1] += samples;
  }
};

template <class T>
LossToAdd<T> loss_to_add(const Tensor& loss, int64_t samples, const Tensor& totals) {
  if (!loss.defined()) return {nullptr, 0, nullptr};
  return {loss.data<T>(), static_cast<double>(samples), totals.mutable_data<double>()};
}

/// totals [2] += sums of the terms; the last block adds up what all have.
template <class T, class Term>
__global__ void two_sums(Term term, int64_t count, double* partial, uint32_t* counter, double* totals,
                         LossToAdd<T> loss) {
  begin_kernel();
  double sums[2] = {0, 0};
  for (int64_t i = int64_t{blockIdx.x} * accumulate_threads + threadIdx.x; i < count;
       i += int64_t{gridDim.x} * accumulate_threads)
    term(i, sums);
  sums[0] = block_sum<accumulate_threads>(sums[0]);
  sums[1] = block_sum<accumulate_threads>(sums[1]);
  if (gridDim.x > 1) {
    if (threadIdx.x < 2) partial[threadIdx.x * gridDim.x + blockIdx.x] = sums[threadIdx.x];
    if (!is_last_block(counter, gridDim.x)) return;
    for (int k = 0; k < 2; ++k) {
      double sum = 0;
      for (unsigned block = threadIdx.x; block < gridDim.x; block += accumulate_threads)
        sum += __ldcg(partial + k * gridDim.x + block);
      sums[k] = block_sum<accumulate_threads>(sum);
    }
  }
  if (threadIdx.x == 0) {
    totals[0] += sums[0];
    totals[1] += sums[1];
    loss.add();
  }
}

template <class T, class Term>
void add_two_sums(const Term& term, int64_t count, const Tensor& totals, const LossToAdd<T>& loss) {
  const Context& context = context_of(totals);
  unsigned blocks = std::clamp(blocks_for(count, accumulate_threads), 1u, most_blocks);
  Tensor partial = Tensor::empty({2, blocks}, DType::f64, totals.device());
  launch(context, two_sums<T, Term>, blocks, accumulate_threads, term, count, partial.mutable_data<double>(),
         context.counters(), totals.mutable_data<double>(), loss);
}

/// totals [4, gridDim.x]: a block adds column blockIdx.x, of what term(i, column, sums) gives.
template <class Term>
__global__ void four_sums(Term term, int64_t count, double* totals) {
  begin_kernel();
  double sums[4] = {0, 0, 0, 0};
  for (int64_t i = threadIdx.x; i < count; i += accumulate_threads) term(i, blockIdx.x, sums);
  for (int k = 0; k < 4; ++k) {
    double sum = block_sum<accumulate_threads>(sums[k]);
    if (threadIdx.x == 0) totals[int64_t{k} * gridDim.x + blockIdx.x] += sum;
  }
}

template <class T>
struct AtThreshold {
  metrics::ConfusionTerm<T> term;
  __device__ void operator()(int64_t i, int64_t column, double* sums) const { term.add(i, column, sums); }
};

template <class T>
struct OfClass {
  metrics::ClassScoreTerm<T> term;
  __device__ void operator()(int64_t row, int64_t column, double* sums) const { term.add(row, column, sums); }
};

/// A block a cell of the matrix: each sum in a fixed order.
template <class T>
__global__ void class_pairs(metrics::ClassPairTerm<T> term, int64_t votes, double* totals) {
  begin_kernel();
  int64_t label = blockIdx.x / term.classes, prediction = blockIdx.x % term.classes;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < votes; i += accumulate_threads)
    if (term.label_of(i) == label && term.prediction_of(i) == prediction) sum += term.weights[i];
  sum = block_sum<accumulate_threads>(sum);
  if (threadIdx.x == 0) totals[blockIdx.x] += sum;
}

template <class T>
__global__ void loss_only(LossToAdd<T> loss) {
  begin_kernel();
  if (threadIdx.x == 0) loss.add();
}

}  // namespace

void accumulate_matches(const Match& match, const Tensor& predictions, const Tensor& labels,
                        const Tensor& weights, const Tensor& totals, const Tensor& loss,
                        const Tensor& loss_totals) {
  visit_float(predictions.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    bool elementwise = match.kind == Match::Kind::binary || match.kind == Match::Kind::exact;
    int64_t classes = elementwise ? 1 : predictions.shape()[-1], votes = predictions.elements() / classes;
    int64_t samples = predictions.shape()[0];
    metrics::MatchTerm<T> term{predictions.data<T>(), labels_in(labels),
                               metrics::weights_in(weights, votes, samples), match, classes};
    add_two_sums<T>(term, votes, totals, loss_to_add<T>(loss, samples, loss_totals));
  });
}

void accumulate_values(const Tensor& values, const Tensor& weights, const Tensor& totals, const Tensor& loss,
                       const Tensor& loss_totals) {
  visit_float(values.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    int64_t samples = values.shape()[0];
    metrics::ValueTerm<T> term{values.data<T>(), metrics::weights_in(weights, values.elements(), samples)};
    add_two_sums<T>(term, values.elements(), totals, loss_to_add<T>(loss, samples, loss_totals));
  });
}

void accumulate_confusion(const Elements& elements, const Tensor& predictions, const Tensor& labels,
                          const Tensor& weights, const Tensor& label_weights, const Tensor& thresholds,
                          const Tensor& totals) {
  visit_float(predictions.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    AtThreshold<T> term{
        metrics::confusion_term<T>(elements, predictions, labels, weights, label_weights, thresholds)};
    launch(context_of(totals), four_sums<AtThreshold<T>>,
           static_cast<unsigned>(thresholds.elements() * elements.columns), accumulate_threads, term,
           predictions.elements() / elements.classes, totals.mutable_data<double>());
  });
}

void accumulate_class_scores(double threshold, const Tensor& predictions, const Tensor& labels,
                             const Tensor& weights, const Tensor& totals) {
  visit_float(predictions.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    int64_t classes = predictions.shape()[-1];
    OfClass<T> term{{predictions.data<T>(), labels_in(labels),
                     metrics::weights_in(weights, predictions.elements(), predictions.shape()[0]), classes,
                     threshold}};
    launch(context_of(totals), four_sums<OfClass<T>>, static_cast<unsigned>(classes), accumulate_threads,
           term, predictions.elements() / classes, totals.mutable_data<double>());
  });
}

void accumulate_class_pairs(const ClassPairs& pairs, const Tensor& predictions, const Tensor& labels,
                            const Tensor& weights, const Tensor& totals) {
  visit_float(predictions.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    bool rows = pairs.of_predictions == ClassPairs::Rule::largest;
    int64_t classes = totals.shape()[0], votes = predictions.elements() / (rows ? classes : 1);
    metrics::ClassPairTerm<T> term{predictions.data<T>(), labels_in(labels),
                                   metrics::weights_in(weights, votes, predictions.shape()[0]), pairs,
                                   classes};
    launch(context_of(totals), class_pairs<T>, static_cast<unsigned>(classes * classes), accumulate_threads,
           term, votes, totals.mutable_data<double>());
  });
}

void accumulate_loss(const Tensor& loss, int64_t samples, const Tensor& loss_totals) {
  visit_float(loss.dtype(), "metrics", [&](auto zero) {
    using T = decltype(zero);
    launch(context_of(loss), loss_only<T>, 1, 32, loss_to_add<T>(loss, samples, loss_totals));
  });
}

}  // namespace manul::cuda
