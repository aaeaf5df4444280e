#pragma once

#include "manul/tests/fixtures.h"

// Keras' numbers for losses and metrics: tests/reference/README.md.
namespace manul {

inline const Fixture& keras_losses() {
  static const Fixture fixture(reference_file("losses.h5"));
  return fixture;
}

inline const Fixture& keras3_losses() {
  static const Fixture fixture(reference_file("losses_keras3.h5"));
  return fixture;
}

inline const Fixture& more_keras_losses() {
  static const Fixture fixture(reference_file("more_losses.h5"));
  return fixture;
}

}  // namespace manul
