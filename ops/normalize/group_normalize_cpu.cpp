#include "manul/ops/normalize/group_normalize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "manul/framework/cpu/column_sums.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/vector.h"

namespace manul::cpu {
namespace {

constexpr int64_t piece = 1024;  // elements that are added up in the dtype, before f64

template <class T>
const T* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.data<T>() : nullptr;
}

/// Calls part(first element, elements, group) for neighbouring elements of one group, in order, of all groups
/// [begin, end) of samples and groups.
template <class Part>
void for_parts(const NormalizedGroups& g, int64_t begin, int64_t end, const Part& part) {
  for (int64_t group = begin; group < end; ++group) {
    int64_t sample = group / g.groups, place = group % g.groups;
    for (int64_t row = 0; row < g.rows; ++row) {
      int64_t first = ((sample * g.rows + row) * g.groups + place) * g.columns;
      for (int64_t i = 0; i < g.columns; i += piece) part(first + i, std::min(piece, g.columns - i), group);
    }
  }
}

/// The parameters of neighbouring elements: in place, or gathered where they do not lie alike.
template <class T>
class Parameters {
 public:
  Parameters(const Tensor& tensor, const NormalizedGroups& g) : groups_(g), data_(data_or_null<T>(tensor)) {}
  explicit operator bool() const { return data_ != nullptr; }
  /// Of the elements [first, first + count), at most `piece`.
  const T* of(int64_t first, int64_t count) {
    if (!data_) return nullptr;
    int64_t parameter = groups_.parameter_of(first);
    if (groups_.step == 1 && parameter + count <= groups_.parameters) return data_ + parameter;
    gathered_.resize(piece);
    for (int64_t i = 0; i < count; ++i) gathered_[i] = data_[groups_.parameter_of(first + i)];
    return gathered_.data();
  }

 private:
  const NormalizedGroups& groups_;
  const T* data_;
  std::vector<T> gathered_;
};

/// For all groups, on all threads.
template <class Body>
void for_groups(const NormalizedGroups& g, const Body& body) {
  int64_t elements = std::max<int64_t>(g.rows * g.columns, 1);
  parallel_for(g.samples * g.groups, std::max<int64_t>((1 << 14) / elements, 1), body);
}

/// The sums of value(i), of vectors and of numbers, over [0, count): a sum a lane, then lane by lane.
template <class T, size_t sums, class Value>
std::array<T, sums> add_up(int64_t count, const Value& value) {
  std::array<Vector<T>, sums> total{};
  int64_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) {
    auto add = value(i, [](const T* from) { return load(from); });
    for (size_t k = 0; k < sums; ++k) total[k] += add[k];
  }
  if (i < count) {
    auto add = value(i, [left = count - i](const T* from) { return load_part(from, left); });
    for (size_t k = 0; k < sums; ++k) {
      T last[lanes<T>] = {};
      store_part(last, add[k], count - i);
      total[k] += load(last);
    }
  }
  std::array<T, sums> result;
  for (size_t k = 0; k < sums; ++k) result[k] = sum_of_lanes<T>(total[k]);
  return result;
}

}  // namespace

void group_statistics(const Tensor& x, const NormalizedGroups& g, double epsilon, const Tensor& mean,
                      const Tensor& inverse_deviation) {
  visit_float(x.dtype(), "group_normalize", [&]<class T>(T) {
    const T* from = x.data<T>();
    T *means = mean.mutable_data<T>(), *inverse = inverse_deviation.mutable_data<T>();
    double count = static_cast<double>(g.rows * g.columns);
    for_groups(g, [&](int64_t begin, int64_t end) {
      for (int64_t group = begin; group < end; ++group) {
        double sum = 0, squares = 0;
        for_parts(g, group, group + 1, [&](int64_t first, int64_t length, int64_t) {
          sum += static_cast<double>(add_up<T, 1>(
              length, [&](int64_t i, auto load_at) { return std::array{load_at(from + first + i)}; })[0]);
        });
        T centre = static_cast<T>(sum / count);
        double rest = 0;  // what the rounding of the centre leaves
        for_parts(g, group, group + 1, [&](int64_t first, int64_t length, int64_t) {
          auto sums = add_up<T, 2>(length, [&](int64_t i, auto load_at) {
            Vector<T> distance = load_at(from + first + i) - centre;
            return std::array{distance * distance, distance};
          });
          squares += static_cast<double>(sums[0]);
          rest += static_cast<double>(sums[1]);
        });
        double variance = squares / count - rest / count * (rest / count);
        means[group] = static_cast<T>(static_cast<double>(centre) + rest / count);
        inverse[group] = static_cast<T>(1 / std::sqrt(std::max(variance, 0.0) + epsilon));
      }
    });
  });
}

void group_normalize_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                             const Tensor& inverse_deviation, const NormalizedGroups& g, const Tensor& y) {
  visit_float(x.dtype(), "group_normalize", [&]<class T>(T) {
    const T* from = x.data<T>();
    const T *means = mean.data<T>(), *inverse = inverse_deviation.data<T>();
    T* to = y.mutable_data<T>();
    for_groups(g, [&](int64_t begin, int64_t end) {
      Parameters<T> gammas(gamma, g), betas(beta, g);
      for_parts(g, begin, end, [&](int64_t first, int64_t length, int64_t group) {
        const T *in = from + first, *by = gammas.of(first, length), *offset = betas.of(first, length);
        T *out = to + first, centre = means[group], factor = inverse[group];
        if (by)
          for (int64_t i = 0; i < length; ++i) out[i] = (in[i] - centre) * factor * by[i];
        else
          for (int64_t i = 0; i < length; ++i) out[i] = (in[i] - centre) * factor;
        if (offset)
          for (int64_t i = 0; i < length; ++i) out[i] += offset[i];
      });
    });
  });
}

// With h = (x - mean) * inverse_deviation and e = dy * gamma: dgamma = sum dy h, dbeta = sum dy, and dx =
// inverse_deviation * (e - mean of e - h * mean of e h), the means over each group.
void group_normalize_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy, const NormalizedGroups& g,
                              const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta) {
  visit_float(x.dtype(), "group_normalize", [&]<class T>(T) {
    const T *from = x.data<T>(), *arrived = dy.data<T>();
    const T *means = mean.data<T>(), *inverse = inverse_deviation.data<T>();
    if (dx.defined()) {
      T count = static_cast<T>(g.rows * g.columns), *to = dx.mutable_data<T>();
      for_groups(g, [&](int64_t begin, int64_t end) {
        Parameters<T> gammas(gamma, g);
        for (int64_t group = begin; group < end; ++group) {
          T centre = means[group], factor = inverse[group];
          double sum = 0, product = 0;
          for_parts(g, group, group + 1, [&](int64_t first, int64_t length, int64_t) {
            const T* by = gammas.of(first, length);
            auto sums = add_up<T, 2>(length, [&](int64_t i, auto load_at) {
              Vector<T> e = load_at(arrived + first + i);
              if (by) e *= load_at(by + i);
              return std::array{e, e * ((load_at(from + first + i) - centre) * factor)};
            });
            sum += static_cast<double>(sums[0]);
            product += static_cast<double>(sums[1]);
          });
          T mean_e = static_cast<T>(sum) / count, mean_eh = static_cast<T>(product) / count;
          for_parts(g, group, group + 1, [&](int64_t first, int64_t length, int64_t) {
            const T* by = gammas.of(first, length);
            for (int64_t i = first; i < first + length; ++i) {
              T e = by ? arrived[i] * by[i - first] : arrived[i];
              to[i] = factor * (e - mean_e - (from[i] - centre) * factor * mean_eh);
            }
          });
        }
      });
    }
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
