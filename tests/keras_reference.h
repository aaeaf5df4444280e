#pragma once

#include <gtest/gtest.h>

#include "manul/testing/op_check.h"
#include "manul/tests/fixtures.h"

namespace manul {

/// What Keras computed: tests/reference/README.md.
inline const Fixture& keras_reference() {
  static const Fixture fixture(reference_file("keras.h5"));
  return fixture;
}

/// Step `step` of a recorded tensor [steps, ...].
inline Tensor at_step(const Tensor& recorded, int64_t step) {
  Shape shape = recorded.shape().sample();
  return recorded.range(step * shape.elements(), shape);
}

/// A tensor of the reference with memory for its gradient.
inline Tensor watched_reference(const std::string& path) {
  Tensor tensor = keras_reference().tensor(path);
  tensor.watch(Tensor::empty_like(tensor));
  return tensor;
}

/// Within `tolerance` of the reference at `path`, relative to its largest element.
inline void expect_reference(const Tensor& seen, const std::string& path, double tolerance) {
  EXPECT_LE(normalised_error(seen, keras_reference().tensor(path)), tolerance) << path;
}

/// The gradient that reached a watched tensor, held against the reference.
inline void expect_reference_gradient(const Tensor& watched, const std::string& path, double tolerance) {
  expect_reference(watched.leaf()->gradient, path, tolerance);
}

}  // namespace manul
