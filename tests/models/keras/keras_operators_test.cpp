#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "manul/framework/config/json.h"
#include "manul/models/keras/h5.h"
#include "manul/testing/op_check.h"
#include "manul/tests/error_of.h"
#include "manul/tests/fixtures.h"

// Layers joined by Python's arithmetic: models of both Keras (tests/keras/make_operators.py) compute the
// same.
namespace manul {
namespace {

Tensor tensor_of(const Config& numbers) {
  std::vector<float> values;
  for (const Config& number : numbers.as_list()) values.push_back(static_cast<float>(number.as_double()));
  return Tensor::from(values, {3, static_cast<int64_t>(values.size()) / 3});
}

class KerasOperators : public testing::TestWithParam<const char*> {
 protected:
  Config known() const {
    std::ostringstream text;
    text << std::ifstream(reference_file("operators.json")).rdbuf();
    return parse_json(text.str()).at(GetParam());
  }
  std::string text() const { return known().at("model").as_string(); }
  /// The message for the model's text with one word in place of another.
  std::string complaint(const std::string& word, const std::string& other) const {
    std::string changed = text();
    size_t place = changed.find(word);
    EXPECT_NE(place, std::string::npos) << word;
    changed.replace(place, word.size(), other);
    return error_of([&] { model_from_json(changed); }, ErrorKind::model_file);
  }
  bool is_keras3() const { return std::string(GetParam()) == "keras3"; }
};

TEST_P(KerasOperators, AreTheLayersThatDoTheSame) {
  Config facts = known();
  Model model = model_from_json(text());
  Model again = model_from_json(to_json(model));
  for (Model* one : {&model, &again}) {
    std::vector<Tensor> outputs = one->forward_all({tensor_of(facts.at("input"))});
    const Config::List& wanted = facts.at("outputs").as_list();
    ASSERT_EQ(outputs.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i)
      EXPECT_LE(normalised_error(outputs[i], tensor_of(wanted[i])), 1e-6) << i;
  }
}

TEST(KerasOperatorsOfH5, HaveNoModule) {
  const char* text = R"({"class_name": "Functional", "config": {"name": "m", "layers": [
    {"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
     "config": {"batch_shape": [null, 2], "dtype": "float32", "name": "x"}},
    {"class_name": "Add", "name": "add", "config": {"name": "add"}, "inbound_nodes": [{"kwargs": {}, "args": [
      {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}, 3.0]}]},
    {"class_name": "Multiply", "name": "times", "config": {"name": "times"}, "inbound_nodes": [{"kwargs": {}, "args": [
      {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}},
      {"class_name": "__keras_tensor__", "config": {"keras_history": ["add", 0, 0]}}]}]}],
    "input_layers": [["x", 0, 0]], "output_layers": [["times", 0, 0]]}, "keras_version": "3.15.1"})";
  Model model = model_from_json(text);
  EXPECT_EQ(model.layer("add")->class_name(), "Rescaling");
  EXPECT_THAT(model.forward(Tensor::from(std::vector<float>{2, -1}, {1, 2})).to_vector<float>(),
              testing::ElementsAre(10, -2));
}

TEST_P(KerasOperators, ThatNoLayerDoesAreRefusedByName) {
  using testing::HasSubstr;
  EXPECT_THAT(complaint(is_keras3() ? "\"class_name\": \"Relu\"" : "\"function\": \"nn.relu\"",
                        is_keras3() ? "\"class_name\": \"Roll\"" : "\"function\": \"roll\""),
              HasSubstr("which no layer of Manul does"));
  EXPECT_THAT(complaint("\"axis\": -1", "\"axis\": 0"), HasSubstr("oftmax in Python, which no layer"));
}

INSTANTIATE_TEST_SUITE_P(Files, KerasOperators, testing::Values("keras2", "keras3"));

}  // namespace
}  // namespace manul
