#include "manul/ops/normalize/group_gradients_cuda.h"
#include "manul/ops/normalize/group_normalize.h"
#include "manul/ops/normalize/normalize_passes.h"

// With h = (x - mean) * inverse deviation and e = dy * gamma: dgamma = sum dy h, dbeta = sum dy, and dx =
// inverse deviation * (e - mean of e - h * mean of e h), the means over each group.
namespace manul::cuda {
namespace {

template <class Size, class S>
__global__ void __launch_bounds__(group_threads) short_input_gradients(GroupGradients<S> all) {
  begin_kernel();
  int64_t team = int64_t{blockIdx.x} * Size::teams + threadIdx.x / Size::team;
  if (team >= all.g.teams) return;  // a warp as a whole
  FetchedGroup<Size, S> fetched;
  fetched.fetch(all, team);
  KeptGroup<Size, S>(all, team, fetched).store_input_gradient();
}

/// A block a group of any length, which it reads twice.
template <int width, class S>
__global__ void __launch_bounds__(group_threads) long_input_gradients(GroupGradients<S> all) {
  begin_kernel();
  using T = Compute<S>;
  int64_t team = blockIdx.x, first = all.g.first_element(team), parameter = all.g.first_parameter(team);
  T middle = all.mean[team], factor = all.inverse[team];
  auto read = [&](PackPlace place, Pack<T, width>& e, Pack<T, width>& h) {
    e = load_pack<width>(all.dy + first + place.element) *
        load_parameters<width>(all.gamma, all.g, parameter + place.parameter, T(1));
    h = all.template normalized<width>(all.x + first + place.element, middle, factor);
  };
  double sum = 0, product = 0, count = all.g.count(width);
  for_packs<group_threads>(all.g, width, [&](PackPlace place) {
    Pack<T, width> e, h;
    read(place, e, h);
    sum += static_cast<double>(pack_sum(e));
    product += static_cast<double>(pack_sum(e * h));
  });
  T mean_e = static_cast<T>(block_sum<group_threads>(sum) / count);
  T mean_eh = static_cast<T>(block_sum<group_threads>(product) / count);
  for_packs<group_threads>(all.g, width, [&](PackPlace place) {
    Pack<T, width> e, h;
    read(place, e, h);
    all.store(first + place.element, e, h, mean_e, mean_eh, factor);
  });
}

/// The same of groups that all have the same parameters, with the sums of dy and dy * h over the groups of
/// each block: partial [blocks, 2, columns].
template <class Size, class S>
__global__ void __launch_bounds__(group_threads, Size::packs* Size::width <= 16 && sizeof(S) <= 4 ? 2 : 1)
    short_gradients(GroupGradients<S> all, int64_t columns, Compute<S>* partial) {
  begin_kernel();
  using T = Compute<S>;
  constexpr int width = Size::width;
  Pack<T, width> sums[Size::packs] = {}, products[Size::packs] = {};
  int64_t step = int64_t{gridDim.x} * Size::teams;
  int64_t team = int64_t{blockIdx.x} * Size::teams + threadIdx.x / Size::team;
  FetchedGroup<Size, S> next;
  if (team < all.g.teams) next.fetch(all, team);
  for (; team < all.g.teams; team += step) {
    KeptGroup<Size, S> kept(all, team, next);
    if (team + step < all.g.teams) next.fetch(all, team + step);  // while this one is computed
    kept.for_kept([&](int p, int) {
      sums[p] = sums[p] + kept.dy[p];
      products[p] = products[p] + kept.dy[p] * kept.h[p];
    });
    if (all.dx) kept.store_input_gradient();
  }
  int lane = threadIdx.x % Size::team, packs = static_cast<int>(all.g.packs());
  auto for_sums = [&](const auto& use) {
#pragma unroll
    for (int p = 0; p < Size::packs; ++p)
      if (int pack = lane + p * Size::team; pack < packs)
#pragma unroll
        for (int k = 0; k < width; ++k) use(pack * width + k, sums[p].values[k], products[p].values[k]);
  };
  partial += int64_t{blockIdx.x} * 2 * columns;
  if constexpr (Size::teams == 1) {
    for_sums([&](int column, T sum, T product) {
      partial[column] = sum;
      partial[columns + column] = product;
    });
  } else {
    __shared__ T shared[2][Size::team * Size::packs * width];
    for (int team = 0; team < Size::teams; ++team) {  // in this order
      if (threadIdx.x / Size::team == team)
        for_sums([&](int column, T sum, T product) {
          shared[0][column] = team == 0 ? sum : shared[0][column] + sum;
          shared[1][column] = team == 0 ? product : shared[1][column] + product;
        });
      __syncthreads();
    }
    for (int column = threadIdx.x; column < columns; column += group_threads) {
      partial[column] = shared[0][column];
      partial[columns + column] = shared[1][column];
    }
  }
}

template <class T>
struct PartialPair {
  const T* partial;
  int64_t columns;
  __device__ DoublePair operator()(int64_t row, int64_t column) const {
    const T* pair = partial + row * 2 * columns + column;
    return {pair[0], pair[columns]};
  }
};

template <class T>
struct StoreGroupGradients {
  T *dgamma, *dbeta;
  __device__ void operator()(int64_t parameter, DoublePair sum) const {
    if (dbeta) dbeta[parameter] = static_cast<T>(sum.first);
    if (dgamma) dgamma[parameter] = static_cast<T>(sum.second);
  }
};

/// dy and dy * h of a matrix with a row for each pixel. A pack lies in one group.
template <class S>
struct PixelPairs {
  using T = Compute<S>;
  using Element = S;
  using Part = Pair<T>;
  static constexpr int rows_at_once = 4;
  const S *x, *dy;
  const T *mean, *inverse;
  NormalizedGroups g;

  template <int width>
  struct Loaded {
    Pack<S, width> x, dy;
    T middle, factor;
  };
  template <int width>
  struct OfPack {
    const PixelPairs& all;
    int64_t column, group;  // group: of a sample
    __device__ Loaded<width> load(int64_t row) const {
      int64_t at = (row * all.g.parameters + column) / width, sample = row;
      if (all.g.rows > 1)  // shorter numbers divide faster
        sample = row <= UINT32_MAX && all.g.rows <= UINT32_MAX
                     ? static_cast<uint32_t>(row) / static_cast<uint32_t>(all.g.rows)
                     : row / all.g.rows;
      int64_t place = sample * all.g.groups + group;
      return {pack<S, width>(all.x, at), pack<S, width>(all.dy, at), all.mean[place], all.inverse[place]};
    }
    __device__ void add(const Loaded<width>& loaded, int64_t, Part (&parts)[width]) const {
#pragma unroll
      for (int k = 0; k < width; ++k) {
        T arrived = loaded.dy.values[k], value = loaded.x.values[k];
        parts[k].first += arrived;
        parts[k].second += arrived * ((value - loaded.middle) * loaded.factor);
      }
    }
  };
  template <int width>
  __device__ OfPack<width> of_pack(int64_t, int64_t pack) const {
    int64_t column = pack * width;
    return {*this, column, g.groups == 1 ? 0 : column / g.columns};
  }
};

/// The same of any element.
template <class S>
struct GradientPair {
  const S *x, *dy;
  const Compute<S>*mean, *inverse;
  NormalizedGroups g;
  __device__ DoublePair operator()(int64_t row, int64_t parameter) const {
    int64_t i = g.element_with(parameter, row), group = g.group_of(i);
    Compute<S> arrived = dy[i], value = x[i];
    return {arrived,
            static_cast<double>(arrived) * static_cast<double>((value - mean[group]) * inverse[group])};
  }
};

template <class S, class T>
void parameter_gradients(const Tensor& x, const GroupGradients<S>& all, const NormalizedGroups& groups,
                         const StoreGroupGradients<T>& store) {
  int64_t rows = x.elements() / groups.parameters, columns = groups.parameters;
  constexpr int widest = pack_width<S>;
  PixelPairs<S> pairs{all.x, all.dy, all.mean, all.inverse, groups};
  if (groups.step > 1)
    column_sums<DoublePair>(x, rows, columns, GradientPair<S>{all.x, all.dy, all.mean, all.inverse, groups},
                            store);
  else if (groups.columns % widest == 0 && allow_packs({all.x, all.dy}))
    packed_column_sums_of_width<widest, DoublePair>(x, 1, rows, columns, pairs, store);
  else
    packed_column_sums_of_width<1, DoublePair>(x, 1, rows, columns, pairs, store);
}

template <class S, class T>
void all_gradients(const Tensor& x, GroupGradients<S> all, const NormalizedGroups& groups,
                   const StoreGroupGradients<T>& store) {
  const Context& context = context_of(x);
  bool wants_parameters = store.dgamma || store.dbeta;
  visit_group_width<S>(groups, {all.x, all.dy, all.addend, all.gamma, all.dx}, [&](auto constant) {
    constexpr int width = constant;
    all.g = places_of(groups, width);
    visit_team_size<S, width>(all.g.packs(), [&](auto size) {
      using Size = decltype(size);
      unsigned blocks = blocks_for(all.g.teams, Size::teams);
      if constexpr (Size::packs > 0)
        if (wants_parameters && all.g.groups == 1 && all.g.rows == 1 && blocks > 0) {
          wants_parameters = false;
          blocks = std::min(blocks, static_cast<unsigned>(2 * context.multiprocessors()));
          Tensor partial = Tensor::empty({blocks, 2, groups.columns}, dtype_of<T>, x.device());
          launch(context, short_gradients<Size, S>, blocks, group_threads, all, groups.columns,
                 partial.mutable_data<T>());
          return column_sums<DoublePair>(x, blocks, groups.columns,
                                         PartialPair<T>{partial.data<T>(), groups.columns}, store);
        }
      if (!all.dx) return;
      if constexpr (Size::packs > 0)
        launch(context, short_input_gradients<Size, S>, blocks, group_threads, all);
      else
        launch(context, long_input_gradients<width, S>, blocks, group_threads, all);
    });
  });
  if (wants_parameters) parameter_gradients(x, all, groups, store);
}

}  // namespace

void group_normalize_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy, const Tensor& addend,
                              const NormalizedGroups& groups, const Tensor& dx, const Tensor& dgamma,
                              const Tensor& dbeta) {
  if (has_bf16({&gamma, &dgamma, &dbeta}))
    return call_in_f32(group_normalize_backward, x, gamma, mean, inverse_deviation, dy, addend, groups, dx,
                       dgamma, dbeta);
  visit_compute(x.dtype(), "group_normalize", [&](auto types) {
    using S = typename decltype(types)::Storage;
    using T = Compute<S>;
    GroupGradients<S> all{{},
                          x.data<S>(),
                          dy.data<S>(),
                          data_or_null<S>(addend),
                          data_or_null<T>(gamma),
                          mean.data<T>(),
                          inverse_deviation.data<T>(),
                          mutable_data_or_null<S>(dx)};
    all_gradients(x, all, groups,
                  StoreGroupGradients<T>{mutable_data_or_null<T>(dgamma), mutable_data_or_null<T>(dbeta)});
  });
}

}  // namespace manul::cuda
