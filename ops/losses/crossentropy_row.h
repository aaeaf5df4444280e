#pragma once

#include <cmath>

#include "manul/ops/losses/crossentropy.h"
#include "manul/ops/losses/loss_functions.h"
#include "manul/ops/losses/loss_labels.h"

namespace manul {

/// The labels of a row after smoothing.
template <class T>
struct SmoothedLabels {
  Labels labels;
  int64_t first;
  double keep, add;
  MANUL_HOST_DEVICE T operator()(int64_t i) const { return static_cast<T>(labels[first + i] * keep + add); }
};

/// A row of a crossentropy, for the CPU loop and the CUDA kernel.
template <class T>
struct CrossentropyRow {
  const T* outputs;
  Labels labels;
  Crossentropy options;
  int64_t classes;
  T* derivatives;  // null: not wanted

  /// Of sparse labels: whether it names a class.
  MANUL_HOST_DEVICE bool is_class(int64_t label) const { return label >= 0 && label < classes; }

  /// Computed by a Team as of loss_functions.h.
  template <class Team = Alone>
  MANUL_HOST_DEVICE T value_of(int64_t row) const {
    const T* in = outputs + row * classes;
    T* out = derivatives ? derivatives + row * classes : nullptr;
    if (options.kind == Loss::binary_crossentropy) return binary<Team>(in, row, out);
    if (options.kind == Loss::categorical_crossentropy)
      return categorical<Team>(in, smoothed(row, options.label_smoothing / static_cast<double>(classes)),
                               out);
    int64_t label = labels.class_of(row);
    if (label != options.ignore_class && is_class(label)) return categorical<Team>(in, OneHot<T>{label}, out);
    T value = label == options.ignore_class ? T(0) : static_cast<T>(NAN);
    for (int64_t i = Team::first(); out && i < classes; i += Team::step()) out[i] = value;
    return value;
  }

 private:
  MANUL_HOST_DEVICE SmoothedLabels<T> smoothed(int64_t row, double add) const {
    return {labels, row * classes, 1 - options.label_smoothing, add};
  }
  template <class Team>
  MANUL_HOST_DEVICE T binary(const T* in, int64_t row, T* out) const {
    SmoothedLabels<T> label = smoothed(row, options.label_smoothing / 2);
    T sum = 0, parts = static_cast<T>(classes);
    for (int64_t i = Team::first(); i < classes; i += Team::step()) {
      T y = label(i);
      LossTerm<T> term = options.from_logits ? binary_crossentropy_of_logit(in[i], y)
                                             : binary_crossentropy_of_probability(in[i], y);
      sum += term.value;
      if (out) out[i] = term.derivative / parts;
    }
    return Team::sum(sum) / parts;
  }
  template <class Team, class Target>
  MANUL_HOST_DEVICE T categorical(const T* in, const Target& target, T* out) const {
    return options.from_logits
               ? categorical_crossentropy_of_logits<Team>(in, classes, target, out, T(1))
               : categorical_crossentropy_of_probabilities<Team>(in, classes, target, out, T(1));
  }
};

}  // namespace manul
