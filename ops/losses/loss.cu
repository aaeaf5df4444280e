#include <algorithm>

#include "manul/framework/cuda/launch.h"
#include "manul/ops/losses/loss.h"
#include "manul/ops/losses/loss_functions.h"
#include "manul/ops/losses/loss_labels.h"

namespace manul::cuda {
namespace {

constexpr int loss_threads = 128;

/// A term of the mean is one output (binary) or one row of outputs, for which a warp works. Both give the
/// term and write its gradient.
template <class T>
struct BinaryTerm {
  const T* input;
  Labels labels;
  const float* weights;  // of the samples, or null
  int64_t outputs;       // of a sample
  bool from_logits;
  T* gradient;
  T factor;
  static constexpr int lanes = 1;
  __device__ T operator()(int64_t i) const {
    T y = static_cast<T>(labels[i]), weight = weights ? static_cast<T>(weights[i / outputs]) : T(1);
    LossTerm<T> term = from_logits ? binary_crossentropy_of_logit(input[i], y)
                                   : binary_crossentropy_of_probability(input[i], y);
    if (gradient) gradient[i] = term.derivative * weight * factor;
    return term.value * weight;
  }
};

template <class T>
struct CategoricalTerm {
  const T* input;
  int64_t classes;
  Labels labels;
  const float* weights;  // of the samples, or null
  bool sparse, from_logits;
  T* gradient;
  T factor;
  static constexpr int lanes = 32;

  template <class Target>
  __device__ T row(int64_t i, const Target& target) const {
    const T* in = input + i * classes;
    T* out = gradient ? gradient + i * classes : nullptr;
    T weight = weights ? static_cast<T>(weights[i]) : T(1);
    return weight *
           (from_logits
                ? categorical_crossentropy_of_logits<Warp>(in, classes, target, out, weight * factor)
                : categorical_crossentropy_of_probabilities<Warp>(in, classes, target, out, weight * factor));
  }
  __device__ T operator()(int64_t i) const {
    if (!sparse) return row(i, ClassWeights<T>{static_cast<const T*>(labels.raw) + i * classes});
    int64_t label = labels.class_of(i);
    if (label >= 0 && label < classes) return row(i, OneHot<T>{label});
    // A kernel cannot throw: a label that names no class turns the loss into NaN, which the training loop
    // reports.
    T nan = static_cast<T>(NAN);
    for (int64_t c = Warp::first(); gradient && c < classes; c += Warp::step())
      gradient[i * classes + c] = nan;
    return nan;
  }
};

/// Term::lanes threads a term; the last block adds up what all have.
template <class T, class Term>
__global__ void loss_terms(Term term, int64_t terms, double* partial, uint32_t* counter, T* value) {
  begin_kernel();
  int64_t i = (int64_t{blockIdx.x} * loss_threads + threadIdx.x) / Term::lanes;
  double own = i < terms ? static_cast<double>(term(i)) : 0.0;
  double sum = block_sum<loss_threads>(threadIdx.x % Term::lanes == 0 ? own : 0.0);
  if (gridDim.x > 1) {
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
    if (!is_last_block(counter, gridDim.x)) return;
    sum = 0;
    for (unsigned block = threadIdx.x; block < gridDim.x; block += loss_threads)
      sum += __ldcg(partial + block);
    sum = block_sum<loss_threads>(sum);
  }
  if (threadIdx.x == 0) *value = static_cast<T>(sum / static_cast<double>(terms));
}

template <class T, class Term>
void mean_of(const Term& term, int64_t terms, const Tensor& value) {
  const Context& context = context_of(value);
  unsigned blocks = std::max(blocks_for(terms * Term::lanes, loss_threads), 1u);
  Tensor partial = Tensor::empty({blocks}, DType::f64, value.device());
  launch(context, loss_terms<T, Term>, blocks, loss_threads, term, terms, partial.mutable_data<double>(),
         context.counters(), value.mutable_data<T>());
}

template <class T>
struct ScaleByLoss {
  const T *gradient, *dloss;
  T* dx;
  __device__ void operator()(int64_t i) const { dx[i] = gradient[i] * *dloss; }
};

}  // namespace

void loss(Loss loss, bool from_logits, const Tensor& input, const Tensor& labels, const Tensor& weights,
          const Tensor& value, const Tensor& gradient) {
  visit_float(input.dtype(), "loss", [&](auto zero) {
    using T = decltype(zero);
    Labels label = labels_in(labels);
    const float* weight = weights.defined() ? weights.data<float>() : nullptr;
    int64_t rows = input.shape()[0];
    T* to = mutable_data_or_null<T>(gradient);
    if (loss == Loss::binary_crossentropy) {
      int64_t terms = input.elements();
      return mean_of<T>(BinaryTerm<T>{input.data<T>(), label, weight, terms / rows, from_logits, to,
                                      T(1) / static_cast<T>(terms)},
                        terms, value);
    }
    bool sparse = loss == Loss::sparse_categorical_crossentropy;
    mean_of<T>(CategoricalTerm<T>{input.data<T>(), input.shape()[1], label, weight, sparse, from_logits, to,
                                  T(1) / static_cast<T>(rows)},
               rows, value);
  });
}

void loss_backward(const Tensor& gradient, const Tensor& dloss, const Tensor& dx) {
  visit_float(gradient.dtype(), "loss", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(dx), dx.elements(),
             ScaleByLoss<T>{gradient.data<T>(), dloss.data<T>(), dx.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
