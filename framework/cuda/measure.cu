#include "framework/cuda/measure.h"

#include <algorithm>
#include <cmath>

#include "framework/cuda/launch.h"

namespace manul::cuda {
namespace {

struct MarkDifference {
  const unsigned char *a, *b;
  int32_t* different;
  __device__ void operator()(int64_t i) const {
    if (a[i] != b[i]) *different = 1;
  }
};

using Event = Handle<cudaEvent_t, cudaError_t>;
Event make_event() {
  cudaEvent_t made = nullptr;
  MANUL_CHECK_CUDA(cudaEventCreate(&made));
  return {made, cudaEventDestroy};
}

}  // namespace

bool same_bits(const Tensor& a, const Tensor& b) {
  Tensor different = Tensor::zeros({}, DType::i32, a.device());
  for_each(context_of(a), static_cast<int64_t>(a.bytes()),
           MarkDifference{static_cast<const unsigned char*>(a.raw()),
                          static_cast<const unsigned char*>(b.raw()), different.mutable_data<int32_t>()});
  return different.item<int32_t>() == 0;
}

float shortest_time(int index, const std::function<void()>& submit) {
  constexpr int runs = 5;
  CUstream_st* stream = Context::use(index).stream();
  Event before = make_event(), after = make_event();
  float shortest = INFINITY;
  for (int run = 0; run < runs; ++run) {
    MANUL_CHECK_CUDA(cudaEventRecord(before.get(), stream));
    submit();
    MANUL_CHECK_CUDA(cudaEventRecord(after.get(), stream));
    MANUL_CHECK_CUDA(cudaEventSynchronize(after.get()));
    float time = 0;
    MANUL_CHECK_CUDA(cudaEventElapsedTime(&time, before.get(), after.get()));
    shortest = std::min(shortest, time);
  }
  return shortest;
}

}  // namespace manul::cuda
