#pragma once

#include <gmock/gmock.h>

#include <cmath>

#include "manul/framework/error.h"
#include "manul/models/graph/model.h"
#include "manul/tests/fixtures.h"

// How a file that Keras wrote is held against what Keras says of it.
namespace manul {

/// The text of the error that `function` throws; empty if it throws none.
template <class Function>
std::string complaint(Function function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::model_file) << error.what();
    return error.what();
  }
  return {};
}

/// Largest |a - b| / (1 + |b|).
inline double difference(const Tensor& a, const Tensor& b) {
  std::vector<float> x = a.to_vector<float>(), y = b.to_vector<float>();
  if (x.size() != y.size()) return INFINITY;
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i)
    largest = std::max(largest, std::abs(double{x[i]} - y[i]) / (1 + std::abs(double{y[i]})));
  return largest;
}

inline Tensor labels_for(const Model& model, const Tensor& labels) {
  if (model.loss().plain != Loss::sparse_categorical_crossentropy || labels.dtype() == DType::i32)
    return labels;
  std::vector<int32_t> classes;
  for (float value : labels.to_vector<float>()) classes.push_back(static_cast<int32_t>(value));
  return Tensor::from(classes, {static_cast<int64_t>(classes.size())});
}

inline void check_prediction(Model& model, const Fixture& expected, const std::string& group) {
  std::vector<Tensor> inputs;
  for (int i = 0; expected.has(group + "/input_" + std::to_string(i)); ++i)
    inputs.push_back(expected.tensor(group + "/input_" + std::to_string(i)));
  std::vector<Tensor> outputs = model.forward(inputs);
  ASSERT_FALSE(inputs.empty());
  for (size_t i = 0; i < outputs.size(); ++i)
    EXPECT_LE(difference(outputs[i], expected.tensor(group + "/output_" + std::to_string(i))), 1e-5) << i;
}

/// One step on the recorded batch gives Keras' loss and Keras' next outputs.
inline void check_step(Model& model, const Fixture& expected, const std::string& group) {
  if (expected.has_attribute(group, "iterations")) {
    EXPECT_EQ(model.state().read().iteration, expected.number(group, "iterations"));
  }
  Tensor input = expected.tensor(group + "/input_0");
  Tensor loss = model.train_on_batch(input, labels_for(model, expected.tensor(group + "/label_0")));
  EXPECT_NEAR(loss.item<float>(), expected.number(group, "train_loss"), 1e-5);
  double moved = difference(model.forward(input), expected.tensor(group + "/output_after_step_0"));
  EXPECT_LE(moved, expected.number(group, "tolerance_after"));
  if (expected.has_attribute(group, "moved_by_step")) {
    EXPECT_LT(moved, 0.02 * expected.number(group, "moved_by_step"));
  }
}

}  // namespace manul
