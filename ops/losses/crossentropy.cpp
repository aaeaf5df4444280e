#include "manul/ops/losses/crossentropy.h"

#include <algorithm>
#include <vector>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/losses/crossentropy_row.h"

namespace manul {
namespace {

/// [N, ..] of [N, .., classes].
Shape rows_of(const Shape& outputs) {
  return Shape(std::span(outputs.begin(), std::max(outputs.rank() - 1, 1)));
}

int64_t classes_in(const Shape& outputs) {
  return outputs.rank() > 1 ? outputs[-1] : 1;
}

void check_fit(const Crossentropy& options, const Tensor& outputs, const Tensor& labels) {
  const char* name = name_of(options.kind);
  check(outputs.shape().rank() > 0 && outputs.elements() > 0, "{}: output {} has no elements", name,
        outputs.shape());
  bool sparse = options.kind == Loss::sparse_categorical_crossentropy;
  int64_t wanted = sparse ? outputs.elements() / classes_in(outputs.shape()) : outputs.elements();
  check(labels.shape().rank() > 0 && labels.shape()[0] == outputs.shape()[0] && labels.elements() == wanted,
        "{}: labels {} do not fit output {}{}", name, labels.shape(), outputs.shape(),
        sparse ? ", whose last axis has the classes" : "");
}

}  // namespace

Tensor crossentropy_values(const Crossentropy& options, const Tensor& outputs, const Tensor& labels) {
  check_fit(options, outputs, labels);
  Tensor values = Tensor::empty(rows_of(outputs.shape()), outputs.dtype(), outputs.device());
  Tape* tape = Tape::recording({&outputs});
  Tensor derivatives = tape ? Tensor::empty_like(outputs) : Tensor();
  crossentropy_kernel(options, outputs, labels, values, derivatives);
  if (tape)
    tape->record(name_of(options.kind), values, {outputs},
                 [derivatives](const Tensor& dy, Gradients& gradients) {
                   crossentropy_backward_kernel(derivatives, dy, gradients.target(0));
                 });
  return values;
}

namespace cpu {

void crossentropy(const Crossentropy& options, const Tensor& outputs, const Tensor& labels,
                  const Tensor& values, const Tensor& derivatives) {
  visit_float(outputs.dtype(), "crossentropy", [&](auto zero) {
    using T = decltype(zero);
    int64_t classes = classes_in(outputs.shape());
    CrossentropyRow<T> row{outputs.data<T>(), labels_in(labels), options, classes,
                           derivatives.defined() ? derivatives.mutable_data<T>() : nullptr};
    for (int64_t i = 0; options.kind == Loss::sparse_categorical_crossentropy && i < values.elements(); ++i) {
      int64_t label = row.labels.class_of(i);
      check(label == options.ignore_class || row.is_class(label),
            "sparse_categorical_crossentropy: label {} is not one of 0 to {}", label, classes - 1);
    }
    T* to = values.mutable_data<T>();
    parallel_for(values.elements(), std::max<int64_t>(2048 / classes, 1), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = row(i);
    });
  });
}

void crossentropy_backward(const Tensor& derivatives, const Tensor& dy, const Tensor& dx) {
  visit_float(dx.dtype(), "crossentropy", [&](auto zero) {
    using T = decltype(zero);
    const T *from = derivatives.data<T>(), *factors = dy.data<T>();
    T* to = dx.mutable_data<T>();
    int64_t classes = dx.elements() / dy.elements();
    for (int64_t i = 0; i < dx.elements(); ++i) to[i] = from[i] * factors[i / classes];
  });
}

}  // namespace cpu
}  // namespace manul
