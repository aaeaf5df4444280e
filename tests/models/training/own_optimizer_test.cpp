#include <gmock/gmock.h>

#include "manul/ops/optimizers/own_optimizer.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Optimizers that are no function of single elements: classes that override apply().
namespace manul {
namespace {

/// One of Manul's, which does something more after each step.
class HalvingSGD : public SGD {
 public:
  using SGD::SGD;
  std::string class_name() const override { return "Mine>HalvingSGD"; }

 protected:
  void apply(const Update& update) override {
    SGD::apply(update);
    update.values.copy_from(scale(update.values, 0.5));
  }
};
const OptimizerRegistration<HalvingSGD> halving_sgd_registration;

struct NormalizedOptions {
  LearningRate learning_rate = 0.01;
  double momentum = 0.9;

  void describe(auto& description) {
    description.option("learning_rate", learning_rate);
    description.option("momentum", momentum, from_to_below(0, 1));
  }
};

/// Written from nothing: m = momentum * m + g / |g|, p -= learning_rate * m.
class Normalized : public Optimizer {
 public:
  explicit Normalized(const NormalizedOptions& options = {}, const OptimizerOptions& common = {})
      : Optimizer(common), options_(options) {}
  const NormalizedOptions& options() const { return options_; }
  std::string class_name() const override { return "Mine>Normalized"; }
  LearningRate learning_rate() const override { return options_.learning_rate; }

 protected:
  std::vector<OptimizerSlot> slot_specs() const override { return {{"m", "momentum"}}; }
  void apply(const Update& update) override {
    double squares = 0;
    for (float gradient : update.gradients.to_vector<float>()) squares += double{gradient} * gradient;
    const Tensor& m = update.slots[0];
    m.copy_from(scale(m, options_.momentum) + scale(update.gradients, 1 / std::sqrt(squares)));
    Update descent = update;
    descent.gradients = m;
    descent.slots.clear();
    run_update(SGDOptions{}, descent);
  }

 private:
  NormalizedOptions options_;
};
const OptimizerRegistration<Normalized> normalized_registration;

/// Saved in the middle of a training, loaded and resumed: to the bit what it would have been without.
template <class Class>
void expect_resumes(const Class& optimizer) {
  InMemoryDataset data = corner_pictures(70, 1);
  TemporaryFolder folder;
  auto compiled = [&] {
    Sequential model = small_classifier(0.2);
    model.compile(optimizer, Loss::binary_crossentropy, {}, {.seed = 3});
    return model;
  };
  Sequential at_once = compiled();
  std::vector<double> losses = at_once.fit(data, {.epochs = 4})["loss"];
  for (const char* file : {"own.h5", "own.keras"}) {
    Sequential model = compiled();
    model.fit(data, {.epochs = 2});
    model.save(folder / file);
    Model again = Model::load(folder / file, {.training = true});
    const auto* loaded = dynamic_cast<const Class*>(&again.optimizer());
    ASSERT_NE(loaded, nullptr) << file;
    EXPECT_EQ(loaded->options().momentum, optimizer.options().momentum);
    EXPECT_EQ(loaded->common().clipvalue, optimizer.common().clipvalue);
    EXPECT_EQ(loaded->slots().size(), 1U);
    EXPECT_EQ(again.fit(data, {.epochs = 4, .resume = true})["loss"], losses) << file;
    EXPECT_TRUE(equal_bits(again.parameters().values(), at_once.parameters().values())) << file;
    EXPECT_TRUE(equal_bits(again.optimizer().slots()[0].values, at_once.optimizer().slots()[0].values));
  }
}

TEST(OwnOptimizerClass, OneOfManulsThatDoesMoreIsSavedLoadedAndResumed) {
  expect_resumes(HalvingSGD({.learning_rate = 0.1, .momentum = 0.8}));
}

TEST(OwnOptimizerClass, OneWrittenFromNothingIsSavedLoadedAndResumed) {
  expect_resumes(Normalized({.learning_rate = 0.02, .momentum = 0.7}, {.clipvalue = 0.01}));
}

/// Steps as long as the rate: m is g / |g| after the first.
TEST(OwnOptimizerClass, TakesItsOwnStep) {
  Sequential model = small_classifier();
  model.compile(Normalized({.learning_rate = 0.5}), Loss::binary_crossentropy, {}, {.seed = 3});
  std::vector<float> before = model.parameters().values().to_vector<float>();
  model.train_on_batch(random_tensor({4, 9, 10, 2}, 1), Tensor::from(std::vector<float>{0, 1, 1, 0}, {4, 1}));
  std::vector<float> after = model.parameters().values().to_vector<float>();
  double squares = 0;
  for (size_t i = 0; i < after.size(); ++i) squares += std::pow(double{after[i]} - before[i], 2);
  EXPECT_NEAR(std::sqrt(squares), 0.5, 1e-4);
}

TEST(OwnOptimizerClass, IsFoundByNameWithItsOptions) {
  auto made = make_optimizer("Mine>Normalized", Config::map({{"momentum", 0.25}, {"clipnorm", 2.0}}));
  EXPECT_EQ(dynamic_cast<Normalized&>(*made).options().momentum, 0.25);
  EXPECT_EQ(made->common().clipnorm, 2.0);
  EXPECT_THAT(
      [] {
        make_optimizer("Mine>Normalized", Config::map({{"beta", 0.25}}));
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("beta")));
  EXPECT_THAT(
      [] {
        make_optimizer("Mine>Normalized", Config::map({{"momentum", 1.5}}));
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("momentum")));
}

}  // namespace
}  // namespace manul
