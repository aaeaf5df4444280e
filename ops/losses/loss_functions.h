#pragma once

#include <cmath>
#include <cstdint>

#include "manul/framework/host_device.h"

// The losses of one output or one row of outputs, for the CPU loops and the CUDA kernels.
namespace manul {

/// Keras clips probabilities to [clip, 1 - clip] before it takes logarithms.
inline constexpr double probability_clip = 1e-7;

template <class T>
struct LossTerm {
  T value;
  T derivative;
};

/// A binary label is a probability. Of anything else the loss is NaN.
template <class T>
MANUL_HOST_DEVICE bool is_binary_label(T y) {
  return y >= T(0) && y <= T(1);
}

/// max(z, 0) - z y + log(1 + exp(-|z|)); the derivative is sigmoid(z) - y.
template <class T>
MANUL_HOST_DEVICE LossTerm<T> binary_crossentropy_of_logit(T z, T y) {
  if (!is_binary_label(y)) return {static_cast<T>(NAN), static_cast<T>(NAN)};
  T e = std::exp(z < T(0) ? z : -z);
  T sigmoid = (z < T(0) ? e : T(1)) / (T(1) + e);
  return {(z > T(0) ? z : T(0)) - z * y + std::log1p(e), sigmoid - y};
}

template <class T>
struct Clipped {
  T value;
  bool inside;  // where it is not, no gradient passes
};

template <class T>
MANUL_HOST_DEVICE Clipped<T> clip_probability(T p) {
  T low = static_cast<T>(probability_clip), high = T(1) - static_cast<T>(probability_clip);
  if (p < low) return {low, false};
  if (p > high) return {high, false};
  return {p, true};
}

/// -(y log p + (1 - y) log(1 - p)) of the clipped p.
template <class T>
MANUL_HOST_DEVICE LossTerm<T> binary_crossentropy_of_probability(T probability, T y) {
  if (!is_binary_label(y)) return {static_cast<T>(NAN), static_cast<T>(NAN)};
  Clipped<T> p = clip_probability(probability);
  T value = -(y * std::log(p.value) + (T(1) - y) * std::log(T(1) - p.value));
  T derivative = (p.value - y) / (p.value * (T(1) - p.value));
  return {value, p.inside ? derivative : T(0)};
}

/// The label of a row: all weight on one class, or a weight for each.
template <class T>
struct OneHot {
  int64_t label;
  MANUL_HOST_DEVICE T operator()(int64_t i) const { return i == label ? T(1) : T(0); }
};
template <class T>
struct ClassWeights {
  const T* weights;
  MANUL_HOST_DEVICE T operator()(int64_t i) const { return weights[i]; }
};

/// Who computes a row: one thread alone. Others (of a GPU, framework/cuda/launch.h) take every step()th
/// element from first() on, and sum() and largest() are then those of all.
struct Alone {
  MANUL_HOST_DEVICE static int64_t first() { return 0; }
  MANUL_HOST_DEVICE static int64_t step() { return 1; }
  template <class T>
  MANUL_HOST_DEVICE static T sum(T own) {
    return own;
  }
  template <class T>
  MANUL_HOST_DEVICE static T largest(T own) {
    return own;
  }
};

/// -sum y log softmax(z) of one row. Writes factor * d / dz, softmax(z) sum(y) - y, to `gradient` unless
/// null.
template <class Team = Alone, class T, class Target>
MANUL_HOST_DEVICE T categorical_crossentropy_of_logits(const T* z, int64_t classes, const Target& target,
                                                       T* gradient, T factor) {
  int64_t first = Team::first(), step = Team::step();
  T top = z[0];
  for (int64_t i = first; i < classes; i += step) top = z[i] > top ? z[i] : top;
  top = Team::largest(top);
  T sum = 0;
  for (int64_t i = first; i < classes; i += step) sum += std::exp(z[i] - top);
  sum = Team::sum(sum);
  T log_sum = std::log(sum), value = 0, weight = 0;
  for (int64_t i = first; i < classes; i += step) {
    T y = target(i);
    weight += y;
    if (y != T(0)) value += y * (log_sum - (z[i] - top));
  }
  weight = Team::sum(weight);
  if (gradient)
    for (int64_t i = first; i < classes; i += step)
      gradient[i] = factor * (std::exp(z[i] - top) / sum * weight - target(i));
  return Team::sum(value);
}

/// -sum y log q of one row, q = p / sum(p), clipped. Writes factor * d / dp to `gradient` unless null.
template <class Team = Alone, class T, class Target>
MANUL_HOST_DEVICE T categorical_crossentropy_of_probabilities(const T* p, int64_t classes,
                                                              const Target& target, T* gradient, T factor) {
  int64_t first = Team::first(), step = Team::step();
  T sum = 0, value = 0, passing = 0;  // passing: the label's weight on classes that are not clipped
  for (int64_t i = first; i < classes; i += step) sum += p[i];
  sum = Team::sum(sum);
  for (int64_t i = first; i < classes; i += step) {
    Clipped<T> q = clip_probability(p[i] / sum);
    value -= target(i) * std::log(q.value);
    if (q.inside) passing += target(i);
  }
  passing = Team::sum(passing);
  if (gradient)
    for (int64_t i = first; i < classes; i += step) {
      Clipped<T> q = clip_probability(p[i] / sum);
      gradient[i] = factor * (passing - (q.inside ? target(i) / q.value : T(0))) / sum;
    }
  return Team::sum(value);
}

/// -log(q / sum(q)) of the label's class, q = p clipped: in this order for sparse labels, as in Keras.
template <class Team = Alone, class T>
MANUL_HOST_DEVICE T categorical_crossentropy_of_probabilities(const T* p, int64_t classes,
                                                              const OneHot<T>& target, T* gradient,
                                                              T factor) {
  int64_t first = Team::first(), step = Team::step();
  T sum = 0;
  for (int64_t i = first; i < classes; i += step) sum += clip_probability(p[i]).value;
  sum = Team::sum(sum);
  if (gradient)
    for (int64_t i = first; i < classes; i += step) {
      Clipped<T> q = clip_probability(p[i]);
      gradient[i] = q.inside ? factor * (T(1) / sum - target(i) / q.value) : T(0);
    }
  return std::log(sum) - std::log(clip_probability(p[target.label]).value);
}

template <class Values>
MANUL_HOST_DEVICE int64_t first_largest(const Values& values, int64_t first, int64_t count) {
  int64_t winner = 0;
  for (int64_t i = 1; i < count; ++i)
    if (values[first + i] > values[first + winner]) winner = i;
  return winner;
}

}  // namespace manul
