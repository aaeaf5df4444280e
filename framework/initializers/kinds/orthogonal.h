#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "manul/framework/initializers/initializer_of.h"

namespace manul {

/// Keras' Orthogonal (Saxe et al. 2014): rows or columns, whichever are fewer, are orthogonal and of length
/// `gain`. The first axis stands against all others.
struct Orthogonal {
  static constexpr const char* class_name = "Orthogonal";
  static constexpr std::array aliases{"OrthogonalInitializer"};
  double gain = 1;
  std::optional<int64_t> seed = {};

  void describe(auto& description) {
    description.option("gain", gain);
    description.option("seed", seed);
  }
  std::vector<double> operator()(Drawing& drawing) const {
    check(drawing.shape.rank() >= 2,
          "initializer: Orthogonal wants a parameter of two axes at least, {} is {}", drawing.path,
          drawing.shape);
    int64_t rows = drawing.shape[0], columns = drawing.shape.elements() / rows;
    int64_t fewer = std::min(rows, columns), more = std::max(rows, columns);
    std::vector<double> matrix = drawing.each([&] { return drawing.normal(); });
    make_orthonormal(matrix, fewer, more);
    std::vector<double> values(matrix.size());
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        values[i * columns + j] = gain * (rows <= columns ? matrix[i * more + j] : matrix[j * more + i]);
    return values;
  }

  /// The rows of `matrix` [rows, columns], rows <= columns. Twice: once leaves the rounding of nearly
  /// parallel rows.
  static void make_orthonormal(std::vector<double>& matrix, int64_t rows, int64_t columns) {
    for (int64_t row = 0; row < rows; ++row) {
      double* own = &matrix[row * columns];
      for (int64_t other = 0; other < 2 * row; ++other) {
        const double* done = &matrix[other % row * columns];
        double along = 0;
        for (int64_t i = 0; i < columns; ++i) along += own[i] * done[i];
        for (int64_t i = 0; i < columns; ++i) own[i] -= along * done[i];
      }
      double length = 0;
      for (int64_t i = 0; i < columns; ++i) length += own[i] * own[i];
      for (int64_t i = 0; i < columns; ++i) own[i] /= std::sqrt(length);
    }
  }
};

}  // namespace manul
