#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "manul/framework/cpu/column_sums.h"
#include "manul/framework/cpu/eigen.h"
#include "manul/framework/elementary.h"
#include "manul/ops/normalize/group_normalize.h"

namespace manul::cpu {
namespace {

constexpr int64_t piece = 1024;  // elements that are added up in the dtype, before f64

/// Calls part(first element, elements) for neighbouring elements of one group of one sample, in order.
template <class Part>
void for_pieces(const NormalizedGroups& g, int64_t group, const Part& part) {
  for (int64_t row = 0; row < g.rows; ++row) {
    int64_t first = ((group / g.groups * g.rows + row) * g.groups + group % g.groups) * g.columns;
    for (int64_t i = 0; i < g.columns; i += piece) part(first + i, std::min(piece, g.columns - i));
  }
}

/// The sums in f64 of the std::array that part(first element, elements) gives for the pieces of a group.
template <class Part>
auto sums_of_pieces(const NormalizedGroups& g, int64_t group, const Part& part) {
  std::array<double, std::tuple_size_v<decltype(part(int64_t{0}, int64_t{0}))>> totals{};
  for_pieces(g, group, [&](int64_t first, int64_t length) {
    auto sums = part(first, length);
    for (size_t k = 0; k < totals.size(); ++k) totals[k] += static_cast<double>(sums[k]);
  });
  return totals;
}

/// The parameters of neighbouring elements: in place, or gathered where they do not lie alike. `otherwise`:
/// what there is without them.
template <class T>
class Parameters {
 public:
  Parameters(const Tensor& tensor, const NormalizedGroups& g, T otherwise)
      : groups_(g), data_(tensor.defined() ? tensor.data<T>() : nullptr) {
    if (!is_in_place()) gathered_.assign(std::min(piece, g.columns), otherwise);
  }
  /// Of the elements [first, first + count), at most `piece`.
  const T* of(int64_t first, int64_t count) {
    if (is_in_place()) return data_ + groups_.parameter_of(first);
    for (int64_t i = 0; data_ && i < count; ++i) gathered_[i] = data_[groups_.parameter_of(first + i)];
    return gathered_.data();
  }

 private:
  bool is_in_place() const { return data_ && groups_.step == 1; }

  const NormalizedGroups& groups_;
  const T* data_;
  std::vector<T> gathered_;
};

/// body(group, gammas, betas) for all groups of all samples, on all threads.
template <class T, class Body>
void for_groups(const NormalizedGroups& g, const Tensor& gamma, const Tensor& beta, const Body& body) {
  parallel_rows(g.samples * g.groups, g.rows * g.columns, [&](int64_t begin, int64_t end) {
    Parameters<T> gammas(gamma, g, 1), betas(beta, g, 0);
    for (int64_t group = begin; group < end; ++group) body(group, gammas, betas);
  });
}

template <class T>
void group_statistics(const T* from, const NormalizedGroups& g, double epsilon, T* means, T* inverse) {
  double count = static_cast<double>(g.rows * g.columns);
  for_rows(g.samples * g.groups, g.rows * g.columns, [&](int64_t group) {
    auto [sum] = sums_of_pieces(g, group, [&](int64_t first, int64_t length) {
      return sum_range<T>(
          length, [](Vector<T> v) { return std::array{v}; }, from + first);
    });
    T centre = static_cast<T>(sum / count);
    // rest: what the rounding of the centre leaves
    auto [squares, rest] = sums_of_pieces(g, group, [&](int64_t first, int64_t length) {
      auto distances = [=](Vector<T> v) {
        Vector<T> distance = v - centre;
        return std::array{distance * distance, distance};
      };
      return sum_range<T>(length, distances, from + first);
    });
    double variance = squares / count - rest / count * (rest / count);
    means[group] = static_cast<T>(static_cast<double>(centre) + rest / count);
    inverse[group] = static_cast<T>(1 / std::sqrt(std::max(variance, 0.0) + epsilon));
  });
}

}  // namespace

void group_normalize_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                             const NormalizedGroups& g, double epsilon, const Tensor& mean,
                             const Tensor& inverse_deviation, const Tensor& y) {
  visit_float(x.dtype(), "group_normalize", [&]<class T>(T) {
    const T* from = x.data<T>();
    T *means = mean.mutable_data<T>(), *inverse = inverse_deviation.mutable_data<T>();
    group_statistics<T>(from, g, epsilon, means, inverse);
    T* to = y.mutable_data<T>();
    for_groups<T>(g, gamma, beta, [&](int64_t group, auto& gammas, auto& betas) {
      auto normalized = [centre = means[group], factor = inverse[group]](Vector<T> v, Vector<T> by,
                                                                         Vector<T> offset) {
        return (v - centre) * factor * by + offset;
      };
      for_pieces(g, group, [&](int64_t first, int64_t length) {
        map_range(length, normalized, to + first, from + first, gammas.of(first, length),
                  betas.of(first, length));
      });
    });
  });
}

// With h = (x - mean) * inverse_deviation and e = dy * gamma: dgamma = sum dy h, dbeta = sum dy, and dx =
// inverse_deviation * (e - mean of e - h * mean of e h), the means over each group.
void group_normalize_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy, const Tensor& addend,
                              const NormalizedGroups& g, const Tensor& dx, const Tensor& dgamma,
                              const Tensor& dbeta) {
  visit_float(x.dtype(), "group_normalize", [&]<class T>(T) {
    const T *from = x.data<T>(), *arrived = dy.data<T>();
    const T *means = mean.data<T>(), *inverse = inverse_deviation.data<T>();
    if (dx.defined())
      for_groups<T>(g, gamma, {}, [&, to = dx.mutable_data<T>()](int64_t group, auto& gammas, auto&) {
        T centre = means[group], factor = inverse[group], count = static_cast<T>(g.rows * g.columns);
        auto products = [=](Vector<T> d, Vector<T> v, Vector<T> by) {
          return std::array{d * by, d * by * ((v - centre) * factor)};
        };
        auto [sum, product] = sums_of_pieces(g, group, [&](int64_t first, int64_t length) {
          return sum_range<T>(length, products, arrived + first, from + first, gammas.of(first, length));
        });
        T mean_e = static_cast<T>(sum) / count, mean_eh = static_cast<T>(product) / count;
        auto gradient = [=](Vector<T> d, Vector<T> v, Vector<T> by) {
          return factor * (d * by - mean_e - (v - centre) * factor * mean_eh);
        };
        for_pieces(g, group, [&](int64_t first, int64_t length) {
          map_range(length, gradient, to + first, arrived + first, from + first, gammas.of(first, length));
        });
      });
    if (dx.defined() && addend.defined()) accumulate(addend, dx);
    if (!dgamma.defined() && !dbeta.defined()) return;
    auto sums = column_sums(x.elements() / g.parameters, g.parameters, [&](int64_t place, int64_t) {
      int64_t i = g.element_with(place % g.parameters, place / g.parameters), group = g.group_of(i);
      double dy = arrived[i];
      return std::array<double, 2>{dy, dy * static_cast<double>((from[i] - means[group]) * inverse[group])};
    });
    for (int64_t p = 0; p < g.parameters; ++p) {
      if (dbeta.defined()) dbeta.mutable_data<T>()[p] = static_cast<T>(sums[p][0]);
      if (dgamma.defined()) dgamma.mutable_data<T>()[p] = static_cast<T>(sums[p][1]);
    }
  });
}

}  // namespace manul::cpu
