#include "manul/ops/fused/conv2d_activation.h"

#include <optional>

#include "manul/framework/cpu/eigen.h"
#include "manul/framework/tape.h"
#include "manul/ops/pointwise/activation_table.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/unary_functions.h"

namespace manul {
namespace {

void check_tail(const char* operation, const Tensor& y, const NormalizationTail& tail) {
  check(is_elementwise(tail.activation), "{}: {} does not work element by element", operation,
        name_of(tail.activation));
  if (!tail.addend.defined()) return;
  check(tail.addend.shape() == y.shape() && tail.addend.dtype() == y.dtype(),
        "{}: {} {} cannot be added to {} {}", operation, name_of(tail.addend.dtype()), tail.addend.shape(),
        name_of(y.dtype()), y.shape());
}

/// The activation as a function whose derivative is had from its value, if it is one.
std::optional<Unary> derived_from_value(Activation activation) {
  std::optional<Unary> function;
  pointwise::visit_activation(activation, [&](const auto& entry) {
    if constexpr (!requires { entry.op; }) {
      const Unary unary{entry.index(), entry.parameters};
      if (!derivative_needs_input(unary)) function = unary;
    }
  });
  return function;
}

/// conv2d_activation() that a tape records: what the convolution gives is never there without the activation.
void record(Tape& tape, const Tensor& y, const Tensor& x, const Tensor& kernel, const Tensor& bias,
            const WindowGeometry& geometry, const Unary& activation) {
  tape.record("conv2d_activation", y, {x, kernel, bias},
              [x, kernel, y, geometry, activation](const Tensor& dy, Gradients& gradients) {
                const Tensor dz = gradients.on_the_way(dy);
                unary_backward_kernel(activation, Tensor(), y, dy, dz);
                conv2d_gradients(x, kernel, geometry, dz, gradients);
              });
}

}  // namespace

bool is_elementwise(Activation activation) {
  bool elementwise = false;
  pointwise::visit_activation(activation, [&](const auto& entry) {
    elementwise = !requires {
      entry.op;
    };
  });
  return elementwise;
}

Tensor finish(const Tensor& y, const NormalizationTail& tail) {
  check_tail("finish", y, tail);
  if (Tape::recording({&y, &tail.addend})) return with_tail(y, tail);
  if (tail.addend.defined() || tail.activation != Activation::linear)
    add_activation_kernel(tail.addend, tail.activation, y);
  return y;
}

Tensor conv2d_activation(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                         const Conv2DOptions& options, const NormalizationTail& tail) {
  bool is_depthwise = options.groups > 1 && options.groups == x.shape()[-1];
  Tape* tape = Tape::recording({&x, &kernel, &bias, &tail.addend});
  std::optional<Unary> derived;  // where this op has a gradient of its own
  if (tape && x.device().is_cpu() && !tail.addend.defined() && tail.activation != Activation::linear)
    derived = derived_from_value(tail.activation);
  if (is_depthwise || (tape && !derived)) return finish(conv2d(x, kernel, bias, options), tail);
  WindowGeometry geometry = check_conv2d(x, kernel, bias, options);
  Tensor y = Tensor::empty({geometry.batch, geometry.output[0], geometry.output[1], kernel.shape()[0]},
                           x.dtype(), x.device());
  check_tail("conv2d_activation", y, tail);
  conv2d_activation_forward_kernel(x, kernel, bias, geometry, tail.addend, tail.activation, y);
  if (tape) record(*tape, y, x, kernel, bias, geometry, *derived);
  return y;
}

Tensor depthwise_conv2d_activation(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                   const DepthwiseConv2DOptions& options, Activation before,
                                   Activation after) {
  for (Activation activation : {before, after})
    check(is_elementwise(activation), "depthwise_conv2d_activation: {} does not work element by element",
          name_of(activation));
  if (Tape::recording({&x, &kernel, &bias}))
    return activate(depthwise_conv2d(activate(x, before), kernel, bias, options), after);
  WindowGeometry geometry = check_depthwise_conv2d(x, kernel, bias, options);
  Tensor y = Tensor::empty(
      {geometry.batch, geometry.output[0], geometry.output[1], kernel.shape()[2] * kernel.shape()[3]},
      x.dtype(), x.device());
  depthwise_conv2d_activation_forward_kernel(x, kernel, bias, geometry, before, after, y);
  return y;
}

namespace cpu {
namespace {

template <class T, class F>
FinishRange finish_with(const F& function, const Tensor& addend, const Tensor& y) {
  T* to = y.mutable_data<T>();
  if (!addend.defined())
    return [=](const ElementRows& part) {
      for (int64_t row = 0, first = part.first; row < part.rows; ++row, first += part.step)
        map_range(
            part.count, [=](Vector<T> v) { return function.value(v); }, to + first, to + first);
    };
  return [=, from = addend.data<T>()](const ElementRows& part) {
    for (int64_t row = 0, first = part.first; row < part.rows; ++row, first += part.step)
      map_range(
          part.count, [=](Vector<T> v, Vector<T> a) { return function.value(v + a); }, to + first, to + first,
          from + first);
  };
}

}  // namespace

FinishRange finish_range(const Tensor& addend, Activation activation, const Tensor& y) {
  FinishRange range;
  if (!addend.defined() && activation == Activation::linear) return range;
  visit_float(y.dtype(), "add_activation", [&]<class T>(T) {
    pointwise::visit_activation(activation, [&](const auto& entry) {
      using Entry = std::remove_cvref_t<decltype(entry)>;
      if constexpr (!requires { entry.op; })
        range = finish_with<T>(pointwise::make_function<typename Entry::template Of<T>, T>(entry.parameters),
                               addend, y);
    });
  });
  return range;
}

void add_activation(const Tensor& addend, Activation activation, const Tensor& y) {
  constexpr int64_t grain = 1 << 14;
  FinishRange range = finish_range(addend, activation, y);
  if (range)
    parallel_for(y.elements(), grain, [&](int64_t begin, int64_t end) { range({begin, end - begin}); });
}

}  // namespace cpu
}  // namespace manul
