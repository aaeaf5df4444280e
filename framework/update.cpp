#include "manul/framework/update.h"

#include <algorithm>

#include "manul/framework/cpu/parallel.h"

namespace manul {

Update Update::range(int64_t first, int64_t count) const {
  Update part = *this;
  part.begin = begin + first;
  part.gradients = gradients.range(first, {count});
  part.values = values.range(first, {count});
  for (Tensor& slot : part.slots) slot = slot.range(first, {count});
  return part;
}

namespace cpu {
namespace {

constexpr int64_t grain = 1 << 14;

/// Of each chunk.
template <class T>
std::vector<double> square_sums(const Tensor& values, const Tensor& places) {
  const T* value = values.data<T>();
  const auto* place = places.data<int32_t>();
  std::vector<double> sums(places.shape()[0]);
  parallel_for(places.shape()[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const T* from = value + int64_t{place[2 * chunk]} * 16;
      double sum = 0;
      for (int64_t i = 0; i < place[2 * chunk + 1]; ++i) sum += static_cast<double>(from[i]) * from[i];
      sums[chunk] = sum;
    }
  });
  return sums;
}

double sum_of(const std::vector<double>& sums, int32_t begin, int32_t end) {
  double sum = 0;
  for (int32_t chunk = begin; chunk < end; ++chunk) sum += sums[chunk];
  return sum;
}

}  // namespace

void collect_gradients(const Tensor& state, const AccumulationSteps& together, const Tensor& gradients,
                       const Tensor& collected) {
  visit_float(gradients.dtype(), "collect_gradients", [&](auto zero) {
    using T = decltype(zero);
    T *gradient = gradients.mutable_data<T>(), *sum = collected.mutable_data<T>();
    bool is_last = UpdateMoment<T>(*state_in(state), 0, together).applies;
    T count = static_cast<T>(together.count);
    parallel_for(gradients.elements(), grain, [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        T all = gradient[i] + sum[i];
        gradient[i] = is_last ? all / count : gradient[i];
        sum[i] = is_last ? T(0) : all;
      }
    });
  });
}

void clip_norms(const Tensor& gradients, const Tensor& places, const Tensor& first_of, double limit,
                bool is_global, const Tensor& factors) {
  visit_float(gradients.dtype(), "clip_norms", [&](auto zero) {
    using T = decltype(zero);
    std::vector<double> sums = square_sums<T>(gradients, places);
    const auto* first = first_of.data<int32_t>();
    double total = 0;
    for (double sum : sums) total += sum;
    T* factor = factors.mutable_data<T>();
    for (int64_t row = 0; row < factors.shape()[0]; ++row) {
      double own = sum_of(sums, first[row], first[row + 1]);
      ClipFactors<T> clip(static_cast<T>(std::sqrt(is_global ? total : own)), static_cast<T>(limit),
                          is_global);
      factor[3 * row] = clip.multiply;
      factor[3 * row + 1] = clip.divide;
    }
  });
}

void trust_ratios(const Tensor& values, const Tensor& steps, const Tensor& places, const Tensor& first_of,
                  const Tensor& factors) {
  visit_float(values.dtype(), "trust_ratios", [&](auto zero) {
    using T = decltype(zero);
    std::vector<double> of_values = square_sums<T>(values, places), of_steps = square_sums<T>(steps, places);
    const auto* first = first_of.data<int32_t>();
    T* factor = factors.mutable_data<T>();
    for (int64_t row = 0; row < factors.shape()[0]; ++row) {
      auto norm = [&](const std::vector<double>& sums) {
        return static_cast<T>(std::sqrt(sum_of(sums, first[row], first[row + 1])));
      };
      TrustRatio<T> ratio(norm(of_values), norm(of_steps));
      factor[3 * row] = ratio.multiply;
      factor[3 * row + 1] = ratio.divide;
    }
  });
}

void average_values(const Tensor& state, const AccumulationSteps& together, double momentum,
                    int64_t frequency, const Tensor& values, const Tensor& averages) {
  visit_float(values.dtype(), "average_values", [&](auto zero) {
    using T = decltype(zero);
    T *value = values.mutable_data<T>(), *average = averages.mutable_data<T>();
    AverageMoment<T> moment(*state_in(state), together, momentum, frequency);
    parallel_for(values.elements(), grain, [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) moment(value[i], average[i]);
    });
  });
}

}  // namespace cpu
}  // namespace manul
