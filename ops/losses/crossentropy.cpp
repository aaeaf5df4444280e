#include "manul/ops/losses/crossentropy.h"

#include <algorithm>

#include "manul/framework/tape.h"
#include "manul/ops/losses/crossentropy_rows_cpu.h"

namespace manul {
namespace {

/// [N, ..] of [N, .., classes].
Shape rows_of(const Shape& outputs) {
  return Shape(std::span(outputs.begin(), std::max(outputs.rank() - 1, 1)));
}

void check_fit(const Crossentropy& options, const Tensor& outputs, const Tensor& labels) {
  const char* name = name_of(options.kind);
  check(outputs.shape().rank() > 0 && outputs.elements() > 0, "{}: output {} has no elements", name,
        outputs.shape());
  bool sparse = options.kind == Loss::sparse_categorical_crossentropy;
  int64_t wanted = sparse ? outputs.elements() / cpu::classes_in(outputs.shape()) : outputs.elements();
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
  visit_float(outputs.dtype(), "crossentropy", [&]<class T>(T) {
    CrossentropyRows<T>(options, outputs, labels, derivatives)
        .run([to = values.mutable_data<T>()](int64_t row, T value) { to[row] = value; });
  });
}

void crossentropy_backward(const Tensor& derivatives, const Tensor& dy, const Tensor& dx) {
  visit_float(dx.dtype(), "crossentropy", [&]<class T>(T) {
    const T *from = derivatives.data<T>(), *factors = dy.data<T>();
    int64_t classes = dx.elements() / dy.elements();
    for_rows(dy.elements(), classes, [=, to = dx.mutable_data<T>()](int64_t row) {
      for (int64_t i = row * classes; i < (row + 1) * classes; ++i) to[i] = from[i] * factors[row];
    });
  });
}

}  // namespace cpu
}  // namespace manul
