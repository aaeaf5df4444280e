#include "manul/framework/update.h"

#include "manul/framework/cuda/launch.h"

namespace manul::cuda {
namespace {

template <class T>
struct CollectGradients {
  const StepState* state;
  AccumulationSteps together;
  T *gradients, *collected;

  __device__ void operator()(int64_t i) const {
    T all = gradients[i] + collected[i];
    if (UpdateMoment<T>(*state, 0, together).applies) {
      gradients[i] = all / static_cast<T>(together.count);
      collected[i] = 0;
    } else {
      collected[i] = all;
    }
  }
};

constexpr int sum_threads = 256;

/// The sum of squares of a chunk, a block each.
template <class T>
__global__ void square_sums_kernel(const T* gradients, const int32_t* places, double* sums) {
  begin_kernel();
  const T* from = gradients + int64_t{places[2 * blockIdx.x]} * 16;
  int32_t count = places[2 * blockIdx.x + 1];
  double sum = 0;
  for (int32_t i = threadIdx.x; i < count; i += sum_threads) sum += static_cast<double>(from[i]) * from[i];
  sum = block_sum<sum_threads>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

/// The factors of a parameter, a block each.
template <class T>
__global__ void clip_factors_kernel(const double* sums, const int32_t* first_of, int32_t chunks, T limit,
                                    bool is_global, T* factors) {
  begin_kernel();
  int32_t row = blockIdx.x;
  int32_t begin = is_global ? 0 : first_of[row], end = is_global ? chunks : first_of[row + 1];
  double sum = 0;
  for (int32_t chunk = begin + threadIdx.x; chunk < end; chunk += sum_threads) sum += sums[chunk];
  sum = block_sum<sum_threads>(sum);
  if (threadIdx.x != 0) return;
  ClipFactors<T> clip(static_cast<T>(std::sqrt(sum)), limit, is_global);
  factors[3 * row] = clip.multiply;
  factors[3 * row + 1] = clip.divide;
}

/// The same for trust_ratios: `sums` of the values, then of the steps.
template <class T>
__global__ void trust_ratios_kernel(const double* sums, const int32_t* first_of, int32_t chunks, T* factors) {
  begin_kernel();
  int32_t row = blockIdx.x;
  double of_values = 0, of_steps = 0;
  for (int32_t chunk = first_of[row] + threadIdx.x; chunk < first_of[row + 1]; chunk += sum_threads) {
    of_values += sums[chunk];
    of_steps += sums[chunks + chunk];
  }
  of_values = block_sum<sum_threads>(of_values);
  of_steps = block_sum<sum_threads>(of_steps);
  if (threadIdx.x != 0) return;
  TrustRatio<T> ratio(static_cast<T>(std::sqrt(of_values)), static_cast<T>(std::sqrt(of_steps)));
  factors[3 * row] = ratio.multiply;
  factors[3 * row + 1] = ratio.divide;
}

template <class T>
struct AverageValues {
  const StepState* state;
  AccumulationSteps together;
  double momentum;
  int64_t frequency;
  T *values, *averages;

  __device__ void operator()(int64_t i) const {
    AverageMoment<T>(*state, together, momentum, frequency)(values[i], averages[i]);
  }
};

}  // namespace

void collect_gradients(const Tensor& state, const AccumulationSteps& together, const Tensor& gradients,
                       const Tensor& collected) {
  visit_float(gradients.dtype(), "collect_gradients", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(gradients), gradients.elements(),
             CollectGradients<T>{state_in(state), together, gradients.mutable_data<T>(),
                                 collected.mutable_data<T>()});
  });
}

void clip_norms(const Tensor& gradients, const Tensor& places, const Tensor& first_of, double limit,
                bool is_global, const Tensor& factors) {
  visit_float(gradients.dtype(), "clip_norms", [&](auto zero) {
    using T = decltype(zero);
    const Context& context = context_of(gradients);
    auto chunks = static_cast<int32_t>(places.shape()[0]);
    Tensor sums = Tensor::empty({chunks}, DType::f64, gradients.device());
    launch(context, square_sums_kernel<T>, dim3(chunks), sum_threads, gradients.data<T>(),
           places.data<int32_t>(), sums.mutable_data<double>());
    launch(context, clip_factors_kernel<T>, dim3(static_cast<unsigned>(factors.shape()[0])), sum_threads,
           sums.data<double>(), first_of.data<int32_t>(), chunks, static_cast<T>(limit), is_global,
           factors.mutable_data<T>());
  });
}

void trust_ratios(const Tensor& values, const Tensor& steps, const Tensor& places, const Tensor& first_of,
                  const Tensor& factors) {
  visit_float(values.dtype(), "trust_ratios", [&](auto zero) {
    using T = decltype(zero);
    const Context& context = context_of(values);
    auto chunks = static_cast<int32_t>(places.shape()[0]);
    Tensor sums = Tensor::empty({2, chunks}, DType::f64, values.device());
    const Tensor* of[] = {&values, &steps};
    for (int64_t k = 0; k < 2; ++k)
      launch(context, square_sums_kernel<T>, dim3(chunks), sum_threads, of[k]->data<T>(),
             places.data<int32_t>(), sums.mutable_data<double>() + k * chunks);
    launch(context, trust_ratios_kernel<T>, dim3(static_cast<unsigned>(factors.shape()[0])), sum_threads,
           sums.data<double>(), first_of.data<int32_t>(), chunks, factors.mutable_data<T>());
  });
}

void average_values(const Tensor& state, const AccumulationSteps& together, double momentum,
                    int64_t frequency, const Tensor& values, const Tensor& averages) {
  visit_float(values.dtype(), "average_values", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(values), values.elements(),
             AverageValues<T>{state_in(state), together, momentum, frequency, values.mutable_data<T>(),
                              averages.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
