#include <cmath>
#include <map>
#include <set>

#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/ops/losses/kinds/huber.h"
#include "manul/tests/keras_reference.h"

// Every loss of the table against Keras' numbers (tests/reference/loss_values.h5): found by its class name.
namespace manul {
namespace {

const Fixture& reference() {
  static const Fixture fixture(reference_file("loss_values.h5"));
  return fixture;
}

LossSpec loss_of(const std::string& group) {
  std::string class_name = reference().text(group, "class_name");
  LossSpec::Options options;
  for (const auto& [key, value] : find_loss(class_name).options)
    // Keras rounds options to float32, also for float64 tensors: delta 0.3 is 0.300000012 there.
    if (reference().has_attribute(group, key))
      options.emplace_back(key, static_cast<float>(reference().number(group, key)));
  return find_loss(class_name, options);
}

TEST(LossKinds, GiveWhatKerasGives) {
  for (const std::string& group : reference().names("/")) {
    SCOPED_TRACE(group);
    LossSpec loss = loss_of(group);
    ASSERT_TRUE(loss.values);
    for (DType dtype : {DType::f64, DType::f32}) {
      double tolerance = dtype == DType::f64 ? 1e-9 : 1e-5;
      Tensor labels = reference().tensor(group + "/y_true").to(dtype);
      Tensor predictions = reference().tensor(group + "/y_pred").to(dtype), weights;
      predictions.watch(Tensor::empty_like(predictions));
      if (reference().has(group + "/sample_weight"))
        weights = reference().tensor(group + "/sample_weight").to(dtype);
      Tensor each = loss_values(loss, labels, predictions);
      if (weights.defined()) each = multiply(each, weights);
      EXPECT_LE(normalised_error(each.to(DType::f64), reference().tensor(group + "/each")), tolerance);
      Tape tape;
      Tensor value = mean_loss(loss, labels, predictions, weights);
      EXPECT_NEAR(value.to(DType::f64).item<double>(), reference().values(group + "/value")[0],
                  tolerance * (1 + std::abs(reference().values(group + "/value")[0])));
      tape.backward(value);
      EXPECT_LE(
          normalised_error(predictions.leaf()->gradient.to(DType::f64), reference().tensor(group + "/grad")),
          tolerance);
    }
  }
}

/// Losses that the fixtures do not have: their formulas once more, of one element.
const std::map<std::string, double (*)(double y, double p)> formulas{
    {"LogCosh", [](double y, double p) { return std::log(std::cosh(p - y)); }},
    {"Poisson", [](double y, double p) { return p - y * std::log(p + 1e-7); }},
};

TEST(LossKinds, GiveWhatTheirFormulasGive) {
  for (const auto& [class_name, formula] : formulas) {
    std::vector<double> y{0, 1, 2.5, 0.25, 3, 0.5}, p{0.5, 1, 0.25, 4, 1e-3, 2};
    Tensor predictions = Tensor::from(p, {3, 2});
    std::vector<double> values =
        loss_values(find_loss(class_name), Tensor::from(y, {3, 2}), predictions).to_vector<double>();
    for (size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(values[i], (formula(y[2 * i], p[2 * i]) + formula(y[2 * i + 1], p[2 * i + 1])) / 2, 1e-12)
          << class_name;
  }
}

TEST(LossKinds, EachOfTheTableHasNumbers) {
  std::set<std::string> with_numbers;
  for (const auto& [class_name, formula] : formulas) with_numbers.insert(class_name);
  for (const std::string& group : reference().names("/"))
    with_numbers.insert(reference().text(group, "class_name"));
  EXPECT_GE(registered_losses().size(), 6U);
  for (const LossSpec& loss : registered_losses()) {
    EXPECT_TRUE(with_numbers.count(loss.class_name)) << loss.class_name;
    EXPECT_EQ(find_loss(loss.name).class_name, loss.class_name);
    for (const std::string& alias : loss.aliases) EXPECT_EQ(find_loss(alias).name, loss.name);
  }
}

TEST(LossKinds, SayWhatDoesNotFit) {
  EXPECT_FALSE(find_loss("no_such_loss").values);
  EXPECT_THROW(find_loss("huber", {{"epsilon", 1.0}}), Error);
  EXPECT_THROW(mean_loss(Huber{}, Tensor::zeros({3, 2}), Tensor::zeros({3, 1})), Error);
  LossSpec scalar{"scalar", "Scalar", {}, {}, [](const Tensor&, const Tensor& p) { return p; }};
  EXPECT_THROW(mean_loss(scalar, Tensor::zeros({3, 2}), Tensor::zeros({3, 2})), Error);
}

}  // namespace
}  // namespace manul
