#include "manul/layers/merging.h"

namespace manul {
namespace {

/// The shape that all inputs have.
Shape one_shape(const char* class_name, const std::string& name, const std::vector<Shape>& inputs) {
  check(inputs.size() >= 2, "{}: {} takes at least two inputs, not {}", name, class_name, inputs.size());
  for (const Shape& input : inputs)
    check(input == inputs[0], "{}: {} takes inputs of one shape, not {} and {}", name, class_name, inputs[0],
          input);
  return inputs[0];
}

/// The first input with the others, one after the other.
template <class Operation>
Tensor folded(const std::vector<Tensor>& inputs, Operation operation) {
  Tensor result = inputs.at(0);
  for (size_t i = 1; i < inputs.size(); ++i) result = operation(result, inputs[i]);
  return result;
}

}  // namespace

Shape Add::output_shape(const std::vector<Shape>& inputs) const {
  return one_shape("an Add", name, inputs);
}
Tensor Add::call(const std::vector<Tensor>& inputs) const {
  return folded(inputs, add);
}

Shape Subtract::output_shape(const std::vector<Shape>& inputs) const {
  check(inputs.size() == 2, "{}: a Subtract takes two inputs, not {}", name, inputs.size());
  return one_shape("a Subtract", name, inputs);
}

Shape Multiply::output_shape(const std::vector<Shape>& inputs) const {
  return one_shape("a Multiply", name, inputs);
}
Tensor Multiply::call(const std::vector<Tensor>& inputs) const {
  return folded(inputs, multiply);
}

Shape Average::output_shape(const std::vector<Shape>& inputs) const {
  return one_shape("an Average", name, inputs);
}
Tensor Average::call(const std::vector<Tensor>& inputs) const {
  return scale(folded(inputs, add), 1.0 / static_cast<double>(inputs.size()));
}

}  // namespace manul
