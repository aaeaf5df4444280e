#pragma once

#include "manul/ops/normalize/group_places_cuda.h"

// What the gradients of normalized groups read and write, and a group in the registers of a team; for .cu
// files.
namespace manul::cuda {

/// x, dy and dx, and the groups' means and inverse deviations.
template <class S>
struct GroupGradients {
  using T = Compute<S>;
  GroupPlaces g;
  const S *x, *dy, *addend;  // addend: to be added to dx, or null
  const T *gamma, *mean, *inverse;
  S* dx;

  template <int width>
  __device__ Pack<T, width> normalized(const S* from, T middle, T factor) const {
    Pack<T, width> pack = load_pack<width>(from);
#pragma unroll
    for (int k = 0; k < width; ++k) pack.values[k] = (pack.values[k] - middle) * factor;
    return pack;
  }
  template <int width>
  __device__ void store(int64_t element, const Pack<T, width>& e, const Pack<T, width>& h, T mean_e,
                        T mean_eh, T factor) const {
    Pack<T, width> result;
#pragma unroll
    for (int k = 0; k < width; ++k)
      result.values[k] = factor * (e.values[k] - mean_e - h.values[k] * mean_eh);
    if (addend) result = result + load_pack<width>(addend + element);
    store_pack<width>(dx + element, result);
  }
};

template <class T, int width>
__device__ Pack<T, width> operator*(Pack<T, width> a, const Pack<T, width>& b) {
#pragma unroll
  for (int k = 0; k < width; ++k) a.values[k] *= b.values[k];
  return a;
}

/// The packs of a group that a thread has, as they lie in memory.
template <class Size, class S>
struct FetchedGroup {
  static constexpr int width = Size::width;
  Pack<S, width> x[Size::packs], dy[Size::packs];
  Compute<S> middle, factor;

  __device__ void fetch(const GroupGradients<S>& all, int64_t team) {
    int64_t first = all.g.first_element(team);
    int lane = threadIdx.x % Size::team, packs = static_cast<int>(all.g.packs());
    middle = all.mean[team];
    factor = all.inverse[team];
#pragma unroll
    for (int p = 0; p < Size::packs; ++p)
      if (int pack = lane + p * Size::team; pack < packs) {
        int64_t element = first + place_of_pack(all.g, width, pack).element;
        x[p] = *reinterpret_cast<const Pack<S, width>*>(all.x + element);
        dy[p] = *reinterpret_cast<const Pack<S, width>*>(all.dy + element);
      }
  }
};

/// The packs of a group that a thread keeps, and what is computed of them.
template <class Size, class S>
struct KeptGroup {
  using T = Compute<S>;
  static constexpr int width = Size::width;
  const GroupGradients<S>& all;
  int64_t team;
  T factor;
  Pack<T, width> dy[Size::packs], h[Size::packs];
  Pack<S, width> addend[Size::packs];
  int lane = threadIdx.x % Size::team, packs;

  template <class Use>
  __device__ void for_kept(const Use& use) {
#pragma unroll
    for (int p = 0; p < Size::packs; ++p)
      if (int pack = lane + p * Size::team; pack < packs) use(p, pack);
  }
  __device__ KeptGroup(const GroupGradients<S>& all, int64_t team, const FetchedGroup<Size, S>& fetched)
      : all(all), team(team), factor(fetched.factor), packs(static_cast<int>(all.g.packs())) {
    int64_t first = all.g.first_element(team);
    for_kept([&](int p, int pack) {
      if (all.addend)  // early, because it is needed late
        addend[p] = *reinterpret_cast<const Pack<S, width>*>(all.addend + first +
                                                             place_of_pack(all.g, width, pack).element);
#pragma unroll
      for (int k = 0; k < width; ++k) {
        dy[p].values[k] = fetched.dy[p].values[k];
        h[p].values[k] = (static_cast<T>(fetched.x[p].values[k]) - fetched.middle) * factor;
      }
    });
  }
  __device__ void store_input_gradient() {
    int64_t first = all.g.first_element(team), parameter = all.g.first_parameter(team);
    T sum = 0, product = 0;
    for_kept([&](int p, int pack) {
      PackPlace place = place_of_pack(all.g, width, pack);
      dy[p] = dy[p] * load_parameters<width>(all.gamma, all.g, parameter + place.parameter, T(1));
      sum += pack_sum(dy[p]);
      product += pack_sum(dy[p] * h[p]);
    });
    double count = all.g.count(width);
    T mean_e = static_cast<T>(static_cast<double>(team_sum<Size::team>(sum)) / count);
    T mean_eh = static_cast<T>(static_cast<double>(team_sum<Size::team>(product)) / count);
    for_kept([&](int p, int pack) {
      Pack<T, width> result;
#pragma unroll
      for (int k = 0; k < width; ++k) {
        result.values[k] = factor * (dy[p].values[k] - mean_e - h[p].values[k] * mean_eh);
        if (all.addend) result.values[k] += static_cast<T>(addend[p].values[k]);
      }
      store_pack<width>(all.dx + first + place_of_pack(all.g, width, pack).element, result);
    });
  }
};

}  // namespace manul::cuda
