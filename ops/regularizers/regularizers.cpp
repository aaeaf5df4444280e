#include "manul/ops/regularizers/regularizers.h"

#include "manul/ops/constraints/constraints.h"
#include "manul/ops/dense/matmul.h"
#include "manul/ops/reduce/cumulative_sum.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/regularizers/regularizer_table.h"

namespace manul {
namespace {

template <class Base>
std::shared_ptr<const Base> find_in(const ObjectTable<Base>& table, const Config& object) {
  std::string name = object.is_string() ? object.as_string() : object.get("class_name", "");
  if (!table.find(name)) return nullptr;
  try {
    return table.make(object);
  } catch (const Error&) {
    return nullptr;  // the layer's file is refused for training, with what it has
  }
}

}  // namespace

Tensor sum_of_sizes(const Tensor& weight) {
  return sum(abs(weight));
}

Tensor mean_size_of_cosines(const Tensor& x) {
  int64_t columns = x.shape()[1];
  constexpr double least = 1e-12;  // of a squared norm, as Keras' l2_normalize
  Tensor unit = divide(x, sqrt(maximum(sum(square(x), {0}), least)));
  // Made on the device: a captured step may not copy from the host.
  Tensor places = cumulative_sum(Tensor::full({columns}, 1, x.dtype(), x.device()), 0, {.exclusive = true});
  Tensor mask = scale(one_hot(places, columns, x.dtype()), -1, 1);
  double pairs = std::max<double>(1, static_cast<double>(columns) * static_cast<double>(columns - 1) / 2);
  return scale(sum(abs(multiply(matmul(transpose(unit), unit), mask))), 0.5 / pairs);
}

ObjectTable<Regularizer>& regularizer_table() {
  static ObjectTable<Regularizer> table("regularizer");
  return table;
}
ObjectTable<Constraint>& constraint_table() {
  static ObjectTable<Constraint> table("constraint");
  return table;
}

namespace {

[[maybe_unused]] const bool are_known = [] {
  KerasRegularizers::for_each(
      []<class Options>(std::type_identity<Options>) { RegularizerRegistration<Options>(); });
  KerasConstraints::for_each(
      []<class Options>(std::type_identity<Options>) { ConstraintRegistration<Options>(); });
  return true;
}();

}  // namespace

std::shared_ptr<const Regularizer> find_regularizer(const Config& object) {
  return find_in(regularizer_table(), object);
}
std::shared_ptr<const Constraint> find_constraint(const Config& object) {
  return find_in(constraint_table(), object);
}

}  // namespace manul
