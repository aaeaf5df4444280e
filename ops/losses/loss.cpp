#include "manul/ops/losses/loss.h"

#include <algorithm>
#include <cmath>

#include "manul/framework/elementary.h"
#include "manul/framework/tape.h"
#include "manul/ops/losses/loss_functions.h"
#include "manul/ops/losses/loss_labels.h"

namespace manul {

const char* name_of(Loss loss) {
  switch (loss) {
    case Loss::binary_crossentropy:
      return "binary_crossentropy";
    case Loss::categorical_crossentropy:
      return "categorical_crossentropy";
    case Loss::sparse_categorical_crossentropy:
      return "sparse_categorical_crossentropy";
  }
  return "loss";
}

namespace {

/// Labels may leave out a last axis of length 1.
bool same_but_last_one(const Shape& labels, const Shape& output) {
  return labels == output || (output.rank() == labels.rank() + 1 && output[-1] == 1 &&
                              std::equal(labels.begin(), labels.end(), output.begin()));
}

Tensor loss_of(Loss loss, bool from_logits, const Tensor& input, const Tensor& labels,
               const Tensor& weights) {
  check_labels(loss, input, labels);
  if (weights.defined())
    check(weights.dtype() == DType::f32 && weights.shape() == Shape{input.shape()[0]},
          "{}: weights are f32 [{}], not {} {}", name_of(loss), input.shape()[0],
          manul::name_of(weights.dtype()), weights.shape());
  Tensor value = Tensor::empty({}, input.dtype(), input.device());
  Tape* tape = Tape::recording({&input});
  Tensor gradient = tape ? Tensor::empty_like(input) : Tensor();
  loss_kernel(loss, from_logits, input, labels, weights, value, gradient);
  if (tape) {
    auto scaled = [gradient](const Tensor& dloss, Gradients& gradients) {
      loss_backward_kernel(gradient, dloss, gradients.target(0));
    };
    tape->record(name_of(loss), value, {input}, scaled, gradient);
  }
  return value;
}

}  // namespace

void check_labels(Loss loss, const Tensor& output, const Tensor& labels) {
  const char* name = name_of(loss);
  check(output.elements() > 0, "{}: output {} has no elements", name, output.shape());
  if (loss == Loss::binary_crossentropy) {
    check(same_but_last_one(labels.shape(), output.shape()), "{}: labels {} do not fit output {}", name,
          labels.shape(), output.shape());
  } else {
    check(output.shape().rank() == 2, "{}: output {} is not [batch, classes]", name, output.shape());
    Shape wanted = loss == Loss::categorical_crossentropy ? output.shape() : Shape{output.shape()[0], 1};
    check(loss == Loss::categorical_crossentropy ? labels.shape() == wanted
                                                 : same_but_last_one(labels.shape(), wanted),
          "{}: labels {} do not fit output {} (want {})", name, labels.shape(), output.shape(), wanted);
  }
  bool classes = loss == Loss::sparse_categorical_crossentropy;
  bool integers = labels.dtype() == DType::i32;
  bool floats = labels.dtype() == output.dtype();
  check(classes ? integers : floats || (integers && loss == Loss::binary_crossentropy),
        "{}: labels are {}, want {}", name, manul::name_of(labels.dtype()),
        classes ? std::string_view("i32") : manul::name_of(output.dtype()));
}

Tensor loss_from_logits(Loss loss, const Tensor& logits, const Tensor& labels, const Tensor& weights) {
  return loss_of(loss, true, logits, labels, weights);
}

Tensor loss_from_probabilities(Loss loss, const Tensor& probabilities, const Tensor& labels,
                               const Tensor& weights) {
  return loss_of(loss, false, probabilities, labels, weights);
}

namespace cpu {
namespace {

/// The class of row `i`; throws if there is none of that number.
int64_t checked_class(const Labels& labels, int64_t i, int64_t classes) {
  int64_t label = labels.class_of(i);
  check(label >= 0 && label < classes, "sparse_categorical_crossentropy: label {} is not one of 0 to {}",
        label, classes - 1);
  return label;
}

/// How often samples count; 1 without weights.
class SampleWeights {
 public:
  explicit SampleWeights(const Tensor& weights) : raw_(weights.defined() ? weights.data<float>() : nullptr) {}
  double of(int64_t sample) const { return raw_ ? double{raw_[sample]} : 1.0; }

 private:
  const float* raw_;
};

template <class T>
double binary_loss(bool from_logits, const Tensor& input, const Labels& labels, const SampleWeights& weights,
                   T* gradient) {
  const T* in = input.data<T>();
  double total = 0;
  int64_t samples = input.shape()[0], outputs = input.elements() / samples, i = 0;
  for (int64_t sample = 0; sample < samples; ++sample) {
    double weight = weights.of(sample);
    for (int64_t output = 0; output < outputs; ++output, ++i) {
      T label = static_cast<T>(labels[i]);
      check(is_binary_label(label), "binary_crossentropy: label {} is not between 0 and 1", labels[i]);
      LossTerm<T> term = from_logits ? binary_crossentropy_of_logit(in[i], label)
                                     : binary_crossentropy_of_probability(in[i], label);
      total += static_cast<double>(term.value) * weight;
      if (gradient) gradient[i] = term.derivative * static_cast<T>(weight) / static_cast<T>(input.elements());
    }
  }
  return total / static_cast<double>(input.elements());
}

/// A row of a categorical loss, and its gradient times `factor`.
template <class T, class Target>
double categorical_loss(bool from_logits, const T* in, int64_t classes, const Target& target, T* gradient,
                        T factor) {
  return static_cast<double>(
      from_logits ? categorical_crossentropy_of_logits(in, classes, target, gradient, factor)
                  : categorical_crossentropy_of_probabilities(in, classes, target, gradient, factor));
}

}  // namespace

void loss(Loss loss, bool from_logits, const Tensor& input, const Tensor& labels, const Tensor& weights,
          const Tensor& value, const Tensor& gradient) {
  visit_float(input.dtype(), "loss", [&](auto zero) {
    using T = decltype(zero);
    Labels label = labels_in(labels);
    SampleWeights sample_weights(weights);
    T* to = gradient.defined() ? gradient.mutable_data<T>() : nullptr;
    if (loss == Loss::binary_crossentropy) {
      *value.mutable_data<T>() =
          static_cast<T>(binary_loss<T>(from_logits, input, label, sample_weights, to));
      return;
    }
    int64_t rows = input.shape()[0], classes = input.shape()[1];
    bool sparse = loss == Loss::sparse_categorical_crossentropy;
    double total = 0;
    for (int64_t row = 0; row < rows; ++row) {
      const T* in = input.data<T>() + row * classes;
      double weight = sample_weights.of(row);
      T *out = to ? to + row * classes : nullptr, factor = static_cast<T>(weight) / static_cast<T>(rows);
      total += weight *
               (sparse ? categorical_loss(from_logits, in, classes,
                                          OneHot<T>{checked_class(label, row, classes)}, out, factor)
                       : categorical_loss(from_logits, in, classes,
                                          ClassWeights<T>{labels.data<T>() + row * classes}, out, factor));
    }
    *value.mutable_data<T>() = static_cast<T>(total / static_cast<double>(rows));
  });
}

void loss_backward(const Tensor& gradient, const Tensor& dloss, const Tensor& dx) {
  visit_float(gradient.dtype(), "loss", [&](auto zero) {
    using T = decltype(zero);
    const T *from = gradient.data<T>(), factor = *dloss.data<T>();
    T* to = dx.mutable_data<T>();
    for (int64_t i = 0; i < gradient.elements(); ++i) to[i] = from[i] * factor;
  });
}

}  // namespace cpu
}  // namespace manul
