#pragma once

#include <gmock/gmock.h>

#include <cmath>

#include "manul/framework/error.h"
#include "manul/models/graph/model.h"
#include "manul/testing/op_check.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/temporary_folder.h"

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

/// Of two models of the same parameters, to the bit.
inline void expect_same_parameters(const Model& a, const Model& b) {
  ASSERT_EQ(a.parameters().all().size(), b.parameters().all().size());
  for (const Parameter& parameter : a.parameters().all())
    EXPECT_TRUE(equal_bits(parameter.value, b.parameters().at(parameter.path).value)) << parameter.path;
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

/// Numbers of a model in double precision as Manul computes with them.
inline Tensor as_f32(const Tensor& tensor) {
  return tensor.dtype() == DType::f64 ? tensor.to(DType::f32) : tensor;
}

inline void check_prediction(Model& model, const Fixture& expected, const std::string& group) {
  std::vector<Tensor> inputs;
  for (int i = 0; expected.has(group + "/input_" + std::to_string(i)); ++i)
    inputs.push_back(as_f32(expected.tensor(group + "/input_" + std::to_string(i))));
  std::vector<Tensor> outputs = model.forward_all(inputs);
  ASSERT_FALSE(inputs.empty());
  for (size_t i = 0; i < outputs.size(); ++i)
    EXPECT_LE(difference(outputs[i], as_f32(expected.tensor(group + "/output_" + std::to_string(i)))), 1e-5)
        << i;
}

/// Saves the model, or says why the format cannot hold it: some of Keras 2's things are not in Keras 3.
inline bool is_saved(const Model& model, const std::string& path) {
  try {
    model.save(path);
    return true;
  } catch (const Error& error) {
    EXPECT_THAT(path, testing::EndsWith(".keras"));
    EXPECT_THAT(error.what(), testing::AnyOf(testing::HasSubstr("has no name in files of Keras 3"),
                                             testing::HasSubstr("which Keras 3 passes over")));
    return false;
  }
}

/// Written again, in either format, the model predicts the same.
inline void check_written_again(const Model& model, const Fixture& expected, const std::string& group) {
  TemporaryFolder folder;
  for (const char* name : {"again.h5", "again.keras"}) {
    SCOPED_TRACE(name);
    if (!is_saved(model, folder / name)) continue;
    Model again = Model::load(folder / name);
    check_prediction(again, expected, group);
  }
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
