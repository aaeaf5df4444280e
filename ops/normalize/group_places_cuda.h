#pragma once

#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/normalize/group_normalize.h"

// Where the elements of a group lie, and the work of a team of threads on one group; for .cu files.
namespace manul::cuda {

constexpr int group_threads = 256;

/// A group as `rows` runs of neighbours, read in packs of several elements.
struct GroupPlaces {
  int64_t groups, teams;       // of a sample; of all samples together
  int64_t rows, row_packs;     // of a group
  int64_t sample, group, row;  // steps from one to the next, in elements
  int64_t parameters;          // from one group of a sample to the next
  bool parameter_a_row;        // the elements of a row share one; otherwise each column has its own

  __device__ int64_t first_element(int64_t team) const {
    return team / groups * sample + team % groups * group;
  }
  __device__ int64_t first_parameter(int64_t team) const { return team % groups * parameters; }
  __device__ double count(int width) const { return static_cast<double>(rows * row_packs * width); }
  __host__ __device__ int64_t packs() const { return rows * row_packs; }
};

/// The run that all packs lie in.
inline int64_t run_length(const NormalizedGroups& g) {
  return g.step > 1 && g.columns % g.step == 0 ? g.step : g.columns;
}

inline GroupPlaces places_of(const NormalizedGroups& g, int width) {
  GroupPlaces places{};
  places.groups = g.groups;
  places.teams = g.samples * g.groups;
  places.sample = g.rows * g.groups * g.columns;
  places.group = g.columns;
  int64_t run = run_length(g);
  places.row_packs = run / width;
  places.parameter_a_row = g.step > 1;
  if (g.step > 1 && run == g.step) {  // channels before pixels
    places.rows = g.columns / run;
    places.row = run;
    places.parameters = places.rows;
  } else {
    places.rows = g.rows;
    places.row = g.groups * g.columns;
    places.parameters = g.step > 1 ? 0 : g.columns;
  }
  return places;
}

/// One pack of a group.
struct PackPlace {
  int64_t element, parameter;  // the first of the pack, counted from the first of the group
};
__device__ inline PackPlace place_of_pack(const GroupPlaces& g, int width, int64_t row, int64_t pack) {
  int64_t column = pack * width;
  return {row * g.row + column, g.parameter_a_row ? row : column};
}
/// For groups that a team keeps in registers, which are short.
__device__ inline PackPlace place_of_pack(const GroupPlaces& g, int width, int pack) {
  if (g.rows == 1) return place_of_pack(g, width, 0, pack);
  unsigned row = static_cast<unsigned>(pack) / static_cast<unsigned>(g.row_packs);
  return place_of_pack(g, width, row, pack - static_cast<int64_t>(row) * g.row_packs);
}

/// use(place) for every `team`th pack of a group of any length.
template <int team, class Use>
__device__ void for_packs(const GroupPlaces& g, int width, const Use& use) {
  int64_t row = threadIdx.x % team / g.row_packs, pack = threadIdx.x % team % g.row_packs;
  int64_t rows = team / g.row_packs, packs = team % g.row_packs;
  while (row < g.rows) {
    use(place_of_pack(g, width, row, pack));
    row += rows;
    pack += packs;
    if (pack >= g.row_packs) pack -= g.row_packs, ++row;
  }
}

/// The parameters of a pack.
template <int width, class T>
__device__ Pack<T, width> load_parameters(const T* from, const GroupPlaces& g, int64_t parameter,
                                          T otherwise) {
  Pack<T, width> values;
  if (from && !g.parameter_a_row) {
    constexpr int part = std::min(width, pack_width<T>);  // those of bf16 are twice as long
#pragma unroll
    for (int k = 0; k < width; k += part) {
      Pack<T, part> some = *reinterpret_cast<const Pack<T, part>*>(from + parameter + k);
#pragma unroll
      for (int i = 0; i < part; ++i) values.values[k + i] = some.values[i];
    }
    return values;
  }
  T value = from ? from[parameter] : otherwise;
#pragma unroll
  for (int k = 0; k < width; ++k) values.values[k] = value;
  return values;
}

template <class T, int width>
__device__ T pack_sum(const Pack<T, width>& pack) {
  T sum = pack.values[0];
#pragma unroll
  for (int k = 1; k < width; ++k) sum += pack.values[k];
  return sum;
}

/// The sum over a team of 32 threads or a whole block.
template <int team, class T>
__device__ T team_sum(T value) {
  if constexpr (team == 32)
    return warp_sum(value);
  else
    return block_sum<team>(value);
}

/// How a group is worked on: `packs` of a thread of a team of `team` kept in registers; 0: too many for that.
template <int width_, int packs_, int team_>
struct TeamSize {
  static constexpr int width = width_, packs = packs_, team = team_, teams = group_threads / team_;
};

/// Calls use(TeamSize{}) with the smallest that takes groups of this many packs; with packs == 0 for longer
/// ones.
template <class T, int width, class Use>
void visit_team_size(int64_t packs, const Use& use) {
  constexpr int some = std::max(8 / width, 1), many = 4 * some;  // 8 or 32 elements a thread
  if (packs <= 32 * some) return use(TeamSize<width, some, 32>{});
  if constexpr (some % 2 == 0)
    if (packs <= 48 * some) return use(TeamSize<width, 3 * some / 2, 32>{});
  if (packs <= 64 * some) return use(TeamSize<width, 2 * some, 32>{});
  if (packs <= 32 * many) return use(TeamSize<width, many, 32>{});
  if (packs <= group_threads * many) return use(TeamSize<width, many, group_threads>{});
  use(TeamSize<width, 0, group_threads>{});
}

/// Calls use(std::integral_constant<int, width>{}) with how many elements of S are read at once.
template <class S, class Use>
void visit_group_width(const NormalizedGroups& g, std::initializer_list<const void*> pointers,
                       const Use& use) {
  constexpr int widest = pack_width<S>;
  if (run_length(g) % widest == 0 && allow_packs(pointers))
    use(std::integral_constant<int, widest>{});
  else
    use(std::integral_constant<int, 1>{});
}

}  // namespace manul::cuda
