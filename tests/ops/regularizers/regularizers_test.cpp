#include "manul/ops/regularizers/regularizers.h"

#include <cmath>

#include "manul/ops/constraints/constraints.h"
#include "manul/ops/regularizers/regularizer_table.h"
#include "manul/testing/op_check.h"

namespace manul {
namespace {

const std::vector<OpSample> samples{
    {"l1", {{.shape = {3, 5}}}, [](const auto& in) { return L1{0.3}(in[0]); }},
    {"l2", {{.shape = {7}}}, [](const auto& in) { return L2{0.3}(in[0]); }},
    {"l1_l2",
     {{.shape = {2, 3, 4}}},
     [](const auto& in) {
       return L1L2{0.1, 0.2}(in[0]);
     }},
    {"orthogonal_rows",
     {{.shape = {3, 5}}},
     [](const auto& in) { return OrthogonalRegularizer{.factor = 2}(in[0]); },
     1e-5,
     8},
    {"orthogonal_columns",
     {{.shape = {4, 3}}},
     [](const auto& in) { return OrthogonalRegularizer{.factor = 2, .mode = "columns"}(in[0]); }},
};
INSTANTIATE_TEST_SUITE_P(Regularizers, OpTest, testing::ValuesIn(samples), name_of_sample);

Tensor weight() {
  return Tensor::from(std::vector<double>{3, -4, 0, 0.5, 4, 3}, {2, 3});
}

TEST(Regularizers, KnownValues) {
  EXPECT_NEAR(L1{0.1}(weight()).item<double>(), 1.45, 1e-12);
  EXPECT_NEAR(L2{0.1}(weight()).item<double>(), 5.025, 1e-12);
  EXPECT_NEAR((L1L2{0.1, 0.1}(weight()).item<double>()), 6.475, 1e-12);
  // Cosine of the two rows: (1.5 - 16) / (5 * sqrt(25.25)).
  EXPECT_NEAR(OrthogonalRegularizer{.factor = 1}(weight()).item<double>(), 14.5 / (5 * std::sqrt(25.25)),
              1e-9);
  EXPECT_THROW(OrthogonalRegularizer{.mode = "diagonals"}(weight()), Error);
}

std::vector<double> after(const auto& constraint, const Tensor& weight) {
  Tensor changed = weight.clone();
  constraint(changed);
  std::vector<double> on_cpu = changed.to_vector<double>();
  if (std::optional<Device> gpu = test_gpu()) {
    Tensor there = weight.to(*gpu);
    constraint(there);
    std::vector<double> on_gpu = there.to_vector<double>();
    for (size_t i = 0; i < on_cpu.size(); ++i) EXPECT_NEAR(on_gpu[i], on_cpu[i], 1e-12);
  }
  return on_cpu;
}

/// Keras' formulas, with its epsilon beside the norm.
TEST(Constraints, KnownValues) {
  auto divided = [](double norm) { return 1 / (norm + 1e-7); };
  std::vector<double> columns{std::hypot(3, 0.5), std::sqrt(32.0), 3};
  std::vector<double> values = weight().to_vector<double>();
  std::vector<double> seen = after(MaxNorm{.max_value = 3.5}, weight());
  for (size_t i = 0; i < 6; ++i)
    EXPECT_NEAR(seen[i], values[i] * std::min(columns[i % 3], 3.5) * divided(columns[i % 3]), 1e-12);
  seen = after(UnitNorm{.axis = 1}, weight());
  for (size_t i = 0; i < 6; ++i)
    EXPECT_NEAR(seen[i], values[i] * divided(i < 3 ? 5 : std::sqrt(25.25)), 1e-12);
  seen = after(MinMaxNorm{.min_value = 4, .max_value = 5, .rate = 0.25}, weight());
  for (size_t i = 0; i < 6; ++i) {
    double norm = columns[i % 3], wanted = 0.25 * std::clamp(norm, 4.0, 5.0) + 0.75 * norm;
    EXPECT_NEAR(seen[i], values[i] * wanted * divided(norm), 1e-12);
  }
  EXPECT_EQ(after(NonNeg{}, weight()), (std::vector<double>{3, 0, 0, 0.5, 4, 3}));
  seen = after(UnitNorm{.axis = {0, 1}}, weight());
  double sum = 0;
  for (double value : seen) sum += value * value;
  EXPECT_NEAR(sum, 1, 1e-6);
  EXPECT_THROW(MaxNorm{.axis = 2}(weight()), Error);
}

/// By Keras' names in every spelling; what is not known is null.
TEST(Regularizers, AreFoundByName) {
  EXPECT_EQ(find_regularizer("l2")->class_name(), "L2");
  EXPECT_EQ(find_regularizer("l1_l2")->class_name(), "L1L2");
  EXPECT_EQ(find_regularizer(object_of(L1{0.5}))->class_name(), "L1");
  EXPECT_EQ(find_constraint("max_norm")->class_name(), "MaxNorm");
  EXPECT_EQ(find_constraint(object_of(MinMaxNorm{.axis = {0, 1}}))->class_name(), "MinMaxNorm");
  EXPECT_EQ(find_regularizer("Own"), nullptr);
  EXPECT_EQ(find_regularizer(Config::map({{"class_name", "L2"}, {"config", Config::map({{"l3", 1.0}})}})),
            nullptr);
  for (const auto& known : regularizer_table().classes()) {
    auto one = known.make(Config::map());
    EXPECT_EQ(regularizer_table().object_of(*one).at("class_name"), Config(known.name));
  }
}

}  // namespace
}  // namespace manul
