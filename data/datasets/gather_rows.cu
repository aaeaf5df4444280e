#include "manul/data/datasets/gather_rows.h"
#include "manul/framework/cuda/launch.h"

namespace manul::cuda {
namespace {

template <class T>
__device__ T no_value() {
  return T(0);
}
template <>
__device__ float no_value<float>() {
  return nanf("");
}
template <>
__device__ double no_value<double>() {
  return nan("");
}

template <class From, class To>
struct GatherBody {
  const StepState* state;  // or null
  const int32_t* index;
  int64_t index_size;
  const From* source;
  int64_t rows, elements;  // of a row
  To* target;

  __device__ void operator()(int64_t i) const {
    int64_t place = (state ? state->position : 0) + i / elements;
    int64_t row = place >= 0 && place < index_size ? index[place] : -1;
    target[i] =
        row >= 0 && row < rows ? static_cast<To>(source[row * elements + i % elements]) : no_value<To>();
  }
};

template <class From, class To>
void gather(const Tensor& state, const Tensor& index, const Tensor& source, const Tensor& target) {
  GatherBody<From, To> body{state.defined() ? state_in(state) : nullptr,
                            index.data<int32_t>(),
                            index.elements(),
                            source.data<From>(),
                            source.shape()[0],
                            source.shape().sample().elements(),
                            target.mutable_data<To>()};
  for_each(context_of(target), target.elements(), body);
}

}  // namespace

void gather_rows(const Tensor& state, const Tensor& index, const Tensor& source, const Tensor& target) {
  visit_dtype(source.dtype(), [&](auto zero) {
    using From = decltype(zero);
    if constexpr (std::is_same_v<From, uint8_t>)
      if (target.dtype() == DType::f32) return gather<uint8_t, float>(state, index, source, target);
    gather<From, From>(state, index, source, target);
  });
}

}  // namespace manul::cuda
