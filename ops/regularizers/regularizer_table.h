#pragma once

#include "manul/framework/config/object_table.h"
#include "manul/framework/regularizer.h"

namespace manul {

/// All regularizers and constraints that files and layers know.
ObjectTable<Regularizer>& regularizer_table();
ObjectTable<Constraint>& constraint_table();

/// Of Keras' object or name; null where the table has none or it has options that are not known.
std::shared_ptr<const Regularizer> find_regularizer(const Config& object);
std::shared_ptr<const Constraint> find_constraint(const Config& object);

/// The regularizer of a struct of options: its class_name, describe(description), and
/// `Tensor operator()(const Tensor& weight) const`, one number made of ops.
template <class Options>
class RegularizerOf final : public Regularizer {
 public:
  explicit RegularizerOf(const Options& options) : options_(options) {}
  const Options& options() const { return options_; }
  std::string class_name() const override { return Options::class_name; }
  Tensor penalty(const Tensor& weight) const override { return options_(weight); }

 private:
  Options options_;
};

/// The constraint of a struct of options: its class_name, describe(description), and
/// `void operator()(const Tensor& weight) const`, which changes the weight.
template <class Options>
class ConstraintOf final : public Constraint {
 public:
  explicit ConstraintOf(const Options& options) : options_(options) {}
  const Options& options() const { return options_; }
  std::string class_name() const override { return Options::class_name; }
  void apply(const Tensor& weight) const override { options_(weight); }

 private:
  Options options_;
};

/// Makes a struct known: one object in its header, inline const.
template <class Options>
struct RegularizerRegistration {
  RegularizerRegistration() { register_object<RegularizerOf, Options>(regularizer_table()); }
};
template <class Options>
struct ConstraintRegistration {
  ConstraintRegistration() { register_object<ConstraintOf, Options>(constraint_table()); }
};

}  // namespace manul
