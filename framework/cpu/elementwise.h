#pragma once

#include <concepts>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/dtype.h"
#include "manul/framework/tensor.h"

namespace manul::cpu {
namespace detail {

template <class T, class Function, class... From>
void elementwise(int64_t count, const Function& function, T* to, const From*... from) {
  parallel_for(count, elements_a_part, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = function(from[i]...);
  });
}

}  // namespace detail

/// to = function(from...), element by element, for kernels of one's own: all f32 or all f64, of as many
/// elements. cuda::elementwise (framework/cuda/elementwise.h) does the same on a GPU, so a function that is
/// MANUL_HOST_DEVICE serves both.
template <class Function, std::same_as<Tensor>... From>
void elementwise(const Function& function, const Tensor& to, const From&... from) {
  for (const Tensor& one : {from...})
    check(one.elements() == to.elements(), "elementwise: one tensor is {}, another {}", one.shape(),
          to.shape());
  visit_float(to.dtype(), "elementwise", [&]<class T>(T) {
    detail::elementwise(to.elements(), function, to.mutable_data<T>(), from.template data<T>()...);
  });
}

}  // namespace manul::cpu
