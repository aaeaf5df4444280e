#include "manul/ops/losses/loss.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "manul/framework/tape.h"
#include "manul/ops/losses/crossentropy_rows_cpu.h"
#include "manul/ops/pointwise/pointwise.h"

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

/// In f32 also of bf16.
Tensor loss_of(Loss loss, bool from_logits, const Tensor& output, const Tensor& given_labels,
               const Tensor& weights) {
  Tensor input = cast(output, compute_dtype(output.dtype()));
  Tensor labels =
      given_labels.dtype() == DType::bf16 ? given_labels.to(compute_dtype(DType::bf16)) : given_labels;
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

void loss(Loss loss, bool from_logits, const Tensor& input, const Tensor& labels, const Tensor& weights,
          const Tensor& value, const Tensor& gradient) {
  visit_float(input.dtype(), "loss", [&]<class T>(T) {
    Labels numbers = labels_in(labels);
    for (int64_t i = 0; loss == Loss::binary_crossentropy && i < input.elements(); ++i)
      check(is_binary_label(numbers[i]), "binary_crossentropy: label {} is not between 0 and 1", numbers[i]);
    CrossentropyRows<T> all({.kind = loss, .from_logits = from_logits}, input, labels, gradient);
    int64_t rows = all.rows(), classes = all.classes(), rows_a_sample = rows / input.shape()[0];
    std::vector<double> values(rows);
    all.run([&](int64_t row, T value_of_row) {
      float weight = weights.defined() ? weights.data<float>()[row / rows_a_sample] : 1;
      values[row] = static_cast<double>(value_of_row) * weight;
      if (!gradient.defined()) return;
      T factor = static_cast<T>(weight) / static_cast<T>(rows),
        *to = gradient.mutable_data<T>() + row * classes;
      for (int64_t c = 0; c < classes; ++c) to[c] *= factor;
    });
    double total = std::accumulate(values.begin(), values.end(), 0.0);
    *value.mutable_data<T>() = static_cast<T>(total / static_cast<double>(rows));
  });
}

void loss_backward(const Tensor& gradient, const Tensor& dloss, const Tensor& dx) {
  visit_float(gradient.dtype(), "loss", [&]<class T>(T) {
    map<T>(
        gradient.elements(), [factor = *dloss.data<T>()](Vector<T> v) { return v * factor; },
        dx.mutable_data<T>(), gradient.data<T>());
  });
}

}  // namespace cpu
}  // namespace manul
