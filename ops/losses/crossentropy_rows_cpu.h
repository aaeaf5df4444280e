#pragma once

#include "manul/framework/cpu/eigen.h"
#include "manul/ops/losses/crossentropy_row.h"

namespace manul::cpu {

/// The classes of a row of outputs [N, .., classes] or [N].
inline int64_t classes_in(const Shape& outputs) {
  return outputs.rank() > 1 ? outputs[-1] : 1;
}

/// All rows of a crossentropy. Those of many logits go in vectors, where an exponential costs a fraction.
template <class T>
class CrossentropyRows {
 public:
  CrossentropyRows(const Crossentropy& options, const Tensor& outputs, const Tensor& labels,
                   const Tensor& derivatives)
      : row_{outputs.data<T>(), labels_in(labels), options, classes_in(outputs.shape()),
             derivatives.defined() ? derivatives.mutable_data<T>() : nullptr},
        rows_(outputs.elements() / row_.classes) {
    if (options.kind != Loss::sparse_categorical_crossentropy) return;
    for (int64_t i = 0; i < rows_; ++i) {
      int64_t label = row_.labels.class_of(i);
      check(label == options.ignore_class || row_.is_class(label),
            "sparse_categorical_crossentropy: label {} is not one of 0 to {}", label, row_.classes - 1);
    }
  }

  int64_t rows() const { return rows_; }
  int64_t classes() const { return row_.classes; }

  /// use(row, its value) for all rows, once their derivatives are written, on all threads.
  template <class Use>
  void run(const Use& use) const {
    constexpr int64_t work = 8;  // of an element: an exponential or a logarithm, and more
    for_rows(rows_, work * row_.classes, [&](int64_t i) { use(i, value(i)); });
  }

 private:
  T value(int64_t row) const {
    const Crossentropy& options = row_.options;
    int64_t classes = row_.classes, first = row * classes;
    bool in_vectors = options.from_logits && classes >= lanes<T>;
    if (options.kind == Loss::sparse_categorical_crossentropy) {
      int64_t label = row_.labels.class_of(row);
      if (in_vectors && label != options.ignore_class) return of_logits(first, OneHot<T>{label});
    } else if (options.kind == Loss::categorical_crossentropy && options.label_smoothing == 0 &&
               row_.labels.dtype == dtype_of<T>) {
      ClassWeights<T> weights{static_cast<const T*>(row_.labels.raw) + first};
      if (in_vectors) return of_logits(first, weights);
      if (!options.from_logits)
        return categorical_crossentropy_of_probabilities(row_.outputs + first, classes, weights,
                                                         derivatives(first), T(1));
    }
    return row_.value_of(row);
  }

  T* derivatives(int64_t first) const { return row_.derivatives ? row_.derivatives + first : nullptr; }

  /// As categorical_crossentropy_of_logits().
  template <class Target>
  T of_logits(int64_t first, const Target& target) const {
    int64_t classes = row_.classes;
    const T* z = row_.outputs + first;
    T top = largest(classes, z), value = 0, weight = 0;
    auto exponential = [=](Vector<T> v) { return Math<Vector<T>>::exp(v - top); };
    T sum = sum_range<T>(classes, exponential, z), log_sum = std::log(sum);
    for (int64_t i = 0; i < classes; ++i) {
      T y = target(i);
      weight += y;
      value += y == T(0) ? T(0) : y * (log_sum - (z[i] - top));
    }
    if (T* to = derivatives(first)) {
      map_range(
          classes, [exponential, factor = weight / sum](Vector<T> v) { return exponential(v) * factor; }, to,
          z);
      for (int64_t i = 0; i < classes; ++i) to[i] -= target(i);
    }
    return value;
  }

  CrossentropyRow<T> row_;
  int64_t rows_;
};

}  // namespace manul::cpu
