#pragma once

#include <algorithm>
#include <cmath>

#include "manul/models/graph/graph.h"
#include "manul/models/keras/architecture.h"
#include "manul/models/keras/weights.h"

// Weights that Keras and the tests compute by one formula, so that no file of them is needed: the other side
// is tests/keras/zoo_networks.py.
namespace manul {

/// Numbers in -1..1 that look random: a formula of the place and the seed.
inline std::vector<double> formula_noise(int64_t seed, int64_t count) {
  std::vector<double> values(count);
  for (int64_t i = 0; i < count; ++i) {
    double place =
        std::sin(static_cast<double>(i) * 12.9898 + static_cast<double>(seed) * 78.233) * 43758.5453;
    values[i] = 2 * (place - std::floor(place)) - 1;
  }
  return values;
}

inline double formula_value(const std::string& name, const Shape& shape, double noise) {
  if (name.ends_with("variance")) return 1 + 0.5 * std::abs(noise);
  if (name.ends_with("gamma")) return 1 + 0.2 * noise;
  if (shape.rank() < 2) return 0.1 * noise;
  bool depthwise = name.find("depthwise") != std::string::npos;
  return noise * std::sqrt(6.0 / static_cast<double>(depthwise ? shape[0] * shape[1] : shape.rows()));
}

/// Sets a weight, whose values the formula gives in Keras' layout.
inline void set_formula_weight(int64_t seed, Parameter& parameter) {
  Shape shape = keras::file_shape(parameter);
  std::vector<double> noise = formula_noise(seed, shape.elements());
  std::vector<float> values(noise.size());
  int64_t filters = shape[-1], rows = shape.elements() / filters;
  for (int64_t i = 0; i < shape.elements(); ++i) {
    int64_t place = parameter.filters_first ? i % filters * rows + i / filters : i;
    values[place] = static_cast<float>(formula_value(parameter.name, shape, noise[i]));
  }
  parameter.value.copy_from(Tensor::from(values, parameter.shape));
}

/// All weights, counted layer by layer as Keras has them.
inline void set_formula_weights(const Graph& graph) {
  int64_t seed = 0;
  for (const keras::SavedLayer& layer : keras::saved_layers(graph))
    for (Parameter* parameter : keras::saved_parameters(layer)) {
      if (parameter->name != "count") set_formula_weight(seed, *parameter);
      ++seed;
    }
}

/// Pictures of whole numbers 0..255.
inline Tensor formula_pixels(const Shape& shape) {
  std::vector<float> pixels;
  for (double noise : formula_noise(-1, shape.elements()))
    pixels.push_back(static_cast<float>(std::floor(128 * (1 + noise))));
  return Tensor::from(pixels, shape);
}

}  // namespace manul
