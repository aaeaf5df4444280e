#include "manul/ops/normalize/group_normalize.h"

#include "manul/ops/normalize/group_places_cuda.h"
#include "manul/ops/normalize/normalize_passes.h"

namespace manul::cuda {
namespace {

template <class S>
struct NormalizeGroups {
  using T = Compute<S>;
  GroupPlaces g;
  const S* x;
  const T *gamma, *beta;
  double epsilon;
  T *mean, *inverse;
  S* y;

  /// The mean, from the mean of the distances to a centre near to it, and the inverse deviation.
  __device__ T store_statistics(int64_t team, bool stores, double centre, double distance, double squares,
                                T& middle) const {
    T factor = static_cast<T>(1 / std::sqrt(std::max(squares - distance * distance, 0.0) + epsilon));
    middle = static_cast<T>(centre + distance);
    if (stores) {
      mean[team] = middle;
      inverse[team] = factor;
    }
    return factor;
  }
  template <int width>
  __device__ void store(S* to, PackPlace place, int64_t parameter, Pack<T, width> values, T middle,
                        T factor) const {
    auto by = load_parameters<width>(gamma, g, parameter + place.parameter, T(1));
    auto offset = load_parameters<width>(beta, g, parameter + place.parameter, T(0));
#pragma unroll
    for (int k = 0; k < width; ++k)
      values.values[k] = (values.values[k] - middle) * factor * by.values[k] + offset.values[k];
    store_pack<width>(to + place.element, values);
  }
};

/// A team a group, which it reads once.
template <class Size, class S>
__global__ void __launch_bounds__(group_threads) normalize_short_groups(NormalizeGroups<S> all) {
  begin_kernel();
  using T = Compute<S>;
  constexpr int width = Size::width;
  int64_t team = int64_t{blockIdx.x} * Size::teams + threadIdx.x / Size::team;
  if (team >= all.g.teams) return;  // a warp as a whole
  int lane = threadIdx.x % Size::team, packs = static_cast<int>(all.g.packs());
  int64_t first = all.g.first_element(team), parameter = all.g.first_parameter(team);
  double count = all.g.count(width);
  Pack<T, width> values[Size::packs];
#pragma unroll
  for (int p = 0; p < Size::packs; ++p)
    if (int pack = lane + p * Size::team; pack < packs)
      values[p] = load_pack<width>(all.x + first + place_of_pack(all.g, width, pack).element);
  T sum = 0, distances = 0, squares = 0;
#pragma unroll
  for (int p = 0; p < Size::packs; ++p)
    if (lane + p * Size::team < packs) sum += pack_sum(values[p]);
  T centre = static_cast<T>(static_cast<double>(team_sum<Size::team>(sum)) / count);
#pragma unroll
  for (int p = 0; p < Size::packs; ++p)
    if (lane + p * Size::team < packs)
#pragma unroll
      for (int k = 0; k < width; ++k) {
        T distance = values[p].values[k] - centre;
        distances += distance;
        squares += distance * distance;
      }
  T middle;
  T factor = all.store_statistics(team, lane == 0, centre,
                                  static_cast<double>(team_sum<Size::team>(distances)) / count,
                                  static_cast<double>(team_sum<Size::team>(squares)) / count, middle);
#pragma unroll
  for (int p = 0; p < Size::packs; ++p)
    if (int pack = lane + p * Size::team; pack < packs)
      all.store(all.y + first, place_of_pack(all.g, width, pack), parameter, values[p], middle, factor);
}

/// A block a group of any length, which it reads three times.
template <int width, class S>
__global__ void __launch_bounds__(group_threads) normalize_long_groups(NormalizeGroups<S> all) {
  begin_kernel();
  using T = Compute<S>;
  int64_t team = blockIdx.x, parameter = all.g.first_parameter(team);
  const S* x = all.x + all.g.first_element(team);
  double count = all.g.count(width), sum = 0, squares = 0, distances = 0;
  for_packs<group_threads>(all.g, width, [&](PackPlace place) {
    sum += static_cast<double>(pack_sum(load_pack<width>(x + place.element)));
  });
  T centre = static_cast<T>(block_sum<group_threads>(sum) / count);
  for_packs<group_threads>(all.g, width, [&](PackPlace place) {
    Pack<T, width> pack = load_pack<width>(x + place.element);
    T square = 0, distance = 0;
#pragma unroll
    for (int k = 0; k < width; ++k) {
      T one = pack.values[k] - centre;
      distance += one;
      square += one * one;
    }
    distances += static_cast<double>(distance);
    squares += static_cast<double>(square);
  });
  distances = block_sum<group_threads>(distances) / count;
  squares = block_sum<group_threads>(squares) / count;
  T middle;
  T factor = all.store_statistics(team, threadIdx.x == 0, centre, distances, squares, middle);
  S* y = all.y + all.g.first_element(team);
  for_packs<group_threads>(all.g, width, [&](PackPlace place) {
    all.store(y, place, parameter, load_pack<width>(x + place.element), middle, factor);
  });
}

template <class S>
void normalize_groups(const Context& context, NormalizeGroups<S> all, const NormalizedGroups& groups) {
  visit_group_width<S>(groups, {all.x, all.y, all.gamma, all.beta}, [&](auto constant) {
    constexpr int width = constant;
    all.g = places_of(groups, width);
    visit_team_size<S, width>(all.g.packs(), [&](auto size) {
      using Size = decltype(size);
      if constexpr (Size::packs == 0)
        launch(context, normalize_long_groups<width, S>, blocks_for(all.g.teams, 1), group_threads, all);
      else
        launch(context, normalize_short_groups<Size, S>, blocks_for(all.g.teams, Size::teams), group_threads,
               all);
    });
  });
}

}  // namespace

void group_normalize_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                             const NormalizedGroups& groups, double epsilon, const Tensor& mean,
                             const Tensor& inverse_deviation, const Tensor& y) {
  if (has_bf16({&gamma, &beta}))
    return call_in_f32(group_normalize_forward, x, gamma, beta, groups, epsilon, mean, inverse_deviation, y);
  visit_compute(x.dtype(), "group_normalize", [&](auto types) {
    using S = typename decltype(types)::Storage;
    using T = Compute<S>;
    NormalizeGroups<S> all{{},
                           x.data<S>(),
                           data_or_null<T>(gamma),
                           data_or_null<T>(beta),
                           epsilon,
                           mean.mutable_data<T>(),
                           inverse_deviation.mutable_data<T>(),
                           y.mutable_data<S>()};
    normalize_groups<S>(context_of(x), all, groups);
  });
}

}  // namespace manul::cuda
