#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "manul/models/keras/optimizer_state.h"
#include "manul/ops/optimizers/optimizer_table.h"
#include "manul/ops/schedules/schedules.h"
#include "manul/testing/op_check.h"
#include "manul/tests/keras_reference.h"

// Every optimizer setting and schedule of tests/reference/optimizers.h5 and schedules.h5, which Keras
// computed.
namespace manul {
namespace {

const Fixture& optimizers() {
  static const Fixture fixture(reference_file("optimizers.h5"));
  return fixture;
}
const Fixture& schedules() {
  static const Fixture fixture(reference_file("schedules.h5"));
  return fixture;
}

/// The options that a group of a fixture has as attributes: numbers, whole ones as integers.
Config options_of(const Fixture& fixture, const std::string& group) {
  Config options = Config::map();
  for (const char* key : {"learning_rate",
                          "momentum",
                          "nesterov",
                          "weight_decay",
                          "clipnorm",
                          "clipvalue",
                          "global_clipnorm",
                          "use_ema",
                          "ema_momentum",
                          "ema_overwrite_frequency",
                          "beta_1",
                          "beta_2",
                          "epsilon",
                          "amsgrad",
                          "rho",
                          "centered",
                          "initial_accumulator_value",
                          "initial_learning_rate",
                          "decay_steps",
                          "decay_rate",
                          "staircase",
                          "end_learning_rate",
                          "power",
                          "cycle",
                          "alpha",
                          "warmup_target",
                          "warmup_steps",
                          "first_decay_steps",
                          "t_mul",
                          "m_mul"})
    if (fixture.has_attribute(group, key)) {
      double value = fixture.number(group, key);
      options.set(key, value == std::floor(value) ? Config(static_cast<int64_t>(value)) : Config(value));
    }
  return options;
}

Tensor recorded_at(const std::string& path, int64_t step) {
  return at_step(optimizers().tensor(path), step);
}

/// Within a few units of the last place of the element, or, where nearly all is cancelled, of a `cancelled`
/// part of the largest one.
void expect_close(const Tensor& seen, const Tensor& expected, const std::string& what,
                  float cancelled = 1.0F / 16) {
  std::vector<float> a = seen.to_vector<float>(), b = expected.to_vector<float>();
  float largest = 0;
  for (float value : b) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < a.size(); ++i) {
    float size = std::max(std::abs(b[i]), largest * cancelled);
    double unit = std::nextafter(size, std::numeric_limits<float>::infinity()) - size;
    EXPECT_LE(std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])) / unit, 4)
        << what << ", element " << i << ": " << a[i] << ", not " << b[i];
  }
}

class KerasOptimizer : public testing::TestWithParam<std::string> {
 protected:
  void run_on(Device device) {
    std::string group = "keras3/" + GetParam();
    std::unique_ptr<Optimizer> optimizer =
        make_optimizer(optimizers().text(group, "class_name"), options_of(optimizers(), group));
    ParameterSet set;
    std::vector<Parameter*> parameters;
    for (const char* name : {"0", "1"})
      parameters.push_back(&set.add(std::string("p") + name,
                                    optimizers().tensor(std::string("inputs/initial") + name).shape(),
                                    Initializer::zeros()));
    set.allocate(0, DType::f32, device);
    for (int i = 0; i < 2; ++i)
      parameters[i]->value.copy_from(optimizers().tensor("inputs/initial" + std::to_string(i)).to(device));
    optimizer->attach(set);
    std::vector<keras::SlotPlace> slots = keras::slot_places(*optimizer, parameters, true);
    // Keras' norms are sums in float32: their last bit is in every element, and stays in a mean of large
    // ones.
    float scaled = GetParam().ends_with("clipnorm") ? 1 : 1.0F / 16;
    DeviceStepState state(device);  // with no learning rate: it is the optimizer's
    for (int step = 0; step < 6; ++step) {
      for (int i = 0; i < 2; ++i) {
        parameters[i]->gradient.copy_from(recorded_at("inputs/grad" + std::to_string(i), step).to(device));
        parameters[i]->value.leaf()->fresh = true;
      }
      optimizer->update(state, 32);
      std::string place = " after step " + std::to_string(step);
      for (int i = 0; i < 2; ++i)
        expect_close(parameters[i]->value, recorded_at(group + "/param" + std::to_string(i), step),
                     "p" + std::to_string(i) + place);
      for (size_t i = 0; i < slots.size(); ++i)
        expect_close(slots[i].values(), recorded_at(group + "/slot" + std::to_string(i), step),
                     slots[i].slot->name + place, scaled);
    }
    EXPECT_EQ(state.read().iteration, 6);
    EXPECT_EQ(state.read().position, 192);
    optimizer->finalize();
    if (optimizers().has(group + "/final0"))
      for (int i = 0; i < 2; ++i)
        expect_close(parameters[i]->value, optimizers().tensor(group + "/final" + std::to_string(i)),
                     "the average");
    EXPECT_EQ(optimizers().has(group + "/slot" + std::to_string(slots.size())), GetParam() == "nadam")
        << "Keras has more slots (Nadam's product follows from the number of steps)";
  }
};

TEST_P(KerasOptimizer, AgreesToAFewUnitsInTheLastPlace) {
  for (Device device : test_devices()) run_on(device);
}

std::string name_of_case(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(Settings, KerasOptimizer, testing::ValuesIn(optimizers().names("keras3")),
                         name_of_case);

/// The table has all that the fixture has, and what code can name besides.
TEST(OptimizerTable, ReadsWhatItWrites) {
  EXPECT_GE(optimizer_table().classes().size(), 10U);
  for (const auto& known : optimizer_table().classes()) {
    std::unique_ptr<Optimizer> optimizer =
        known.make(Config::map({{"learning_rate", 0.25},
                                {"clipnorm", 2.0},
                                {"weight_decay", 0.125},
                                {"use_ema", true},
                                {"ema_overwrite_frequency", int64_t{7}},
                                {"gradient_accumulation_steps", int64_t{3}}}));
    Config object = optimizer_table().object_of(*optimizer);
    EXPECT_EQ(object.at("config").at("learning_rate").as_double(), 0.25) << known.name;
    EXPECT_EQ(optimizer_table().object_of(*optimizer_table().make(object)), object) << known.name;
  }
}

TEST(OptimizerTable, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT([] { make_optimizer("Adafactor"); },
              testing::ThrowsMessage<Error>(
                  testing::HasSubstr("the optimizer Adafactor is not supported; what it keeps")));
  EXPECT_THAT(
      [] {
        make_optimizer("SGD", Config::map({{"moment", 0.9}}));
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("option moment")));
}

class KerasSchedule : public testing::TestWithParam<std::string> {};

TEST_P(KerasSchedule, Agrees) {
  std::string group = "keras2/schedules/" + GetParam();
  Config options = options_of(schedules(), group);
  if (GetParam() == "piecewise") {
    options.set("boundaries", Config::List{10, 25, 40});
    options.set("values", Config::List{0.1, 0.05, 0.01, 0.002});
  }
  Config object =
      Config::map({{"class_name", schedules().text(group, "class_name")}, {"config", std::move(options)}});
  LearningRate rate = OptionType<LearningRate>::read(object).value();
  std::vector<double> expected = schedules().values(group + "/learning_rate");
  for (Device device : test_devices()) {
    DeviceStepState state(device);
    for (size_t step = 0; step < expected.size(); ++step) {
      state.write({.iteration = static_cast<int64_t>(step)});
      rate.schedule()->set_rate(state.tensor());
      EXPECT_NEAR(state.read().learning_rate, expected[step], 1e-6 * expected[step] + 1e-8)
          << device.name() << ", step " << step;
    }
  }
  Config written = OptionType<LearningRate>::write(rate);
  EXPECT_EQ(OptionType<LearningRate>::write(*OptionType<LearningRate>::read(written)), written);
}

INSTANTIATE_TEST_SUITE_P(Settings, KerasSchedule, testing::ValuesIn(schedules().names("keras2/schedules")),
                         name_of_case);

/// An optimizer's steps follow its schedule, also where the state says another rate.
TEST(KerasSchedule, TakesTheRateOfEachStep) {
  for (Device device : test_devices()) {
    ParameterSet set;
    Parameter& p = set.add("p", {1}, Initializer::zeros());
    set.allocate(0, DType::f32, device);
    SGD sgd({.learning_rate = PiecewiseConstantDecay{.boundaries = {1}, .values = {1, 10}}});
    sgd.attach(set);
    DeviceStepState state(device);
    state.write({.learning_rate = 5});
    double expected = 0;
    for (double rate : {1, 1, 10, 10}) {
      p.gradient.copy_from(Tensor::full({1}, 1, DType::f32, device));
      p.value.leaf()->fresh = true;
      sgd.update(state);
      expected -= rate;
      EXPECT_EQ(p.value.to_vector<float>()[0], expected);
    }
  }
}

/// Weights, gradients and steps for what the fixture does not have.
struct OneParameter {
  ParameterSet set;
  Parameter& bias;
  Parameter& kernel;
  explicit OneParameter(Device device)
      : bias(set.add("dense/bias", {3}, Initializer::ones())),
        kernel(set.add("dense/kernel", {40}, Initializer::ones())) {
    set.allocate(0, DType::f32, device);
  }
  void step(Optimizer& optimizer, const DeviceStepState& state, double gradient) {
    for (Parameter* parameter : {&bias, &kernel}) {
      parameter->gradient.copy_from(
          Tensor::full(parameter->shape, gradient, DType::f32, parameter->value.device()));
      parameter->value.leaf()->fresh = true;
    }
    optimizer.update(state, 4);
  }
  std::vector<float> values() const {
    return {bias.value.to_vector<float>()[2], kernel.value.to_vector<float>()[39]};
  }
};

TEST(Optimizer, AccumulatesGradients) {
  for (Device device : test_devices()) {
    OneParameter one(device), reference(device);
    Adam adam({.learning_rate = 0.1}, {.gradient_accumulation_steps = 3}), plain({.learning_rate = 0.1});
    adam.attach(one.set);
    plain.attach(reference.set);
    DeviceStepState state(device), plain_state(device);
    for (int step = 0; step < 6; ++step) {
      one.step(adam, state, step);
      if (step % 3 == 2) reference.step(plain, plain_state, step - 1);
      EXPECT_EQ(one.values(), reference.values()) << step;
    }
    EXPECT_EQ(state.read().iteration, 6);
    EXPECT_EQ(state.read().position, 24);
  }
}

TEST(Optimizer, LeavesExcludedParametersUndecayed) {
  for (Device device : test_devices()) {
    OneParameter one(device);
    AdamW adam({.learning_rate = 0.5}, {.weight_decay = 0.25, .exclude_from_weight_decay = {"bias$"}});
    adam.attach(one.set);
    DeviceStepState state(device);
    one.step(adam, state, 0);
    EXPECT_EQ(one.values(), (std::vector<float>{1, 0.875}));
  }
  EXPECT_THROW(AdamW({}, {.exclude_from_weight_decay = {"("}}), Error);
}

TEST(Optimizer, ClipsTheNormOfWhatIsTrainable) {
  for (Device device : test_devices()) {
    OneParameter one(device);
    SGD sgd({.learning_rate = 1}, {.global_clipnorm = 1});
    sgd.attach(one.set);
    DeviceStepState state(device);
    one.step(sgd, state, 2);
    EXPECT_NEAR(one.values()[0], 1 - 1 / std::sqrt(43.0), 1e-6);
    one.kernel.set_trainable(false);
    one.bias.gradient.copy_from(Tensor::full({3}, 2, DType::f32, device));
    one.bias.value.leaf()->fresh = true;
    sgd.update(state);
    EXPECT_NEAR(one.values()[0], 1 - 1 / std::sqrt(43.0) - 1 / std::sqrt(3.0), 1e-6);
  }
}

/// McMahan's recurrence, written out in double.
TEST(Ftrl, FollowsItsFormula) {
  for (Device device : test_devices()) {
    OneParameter one(device);
    FtrlOptions options{.learning_rate = 0.5,
                        .l1_regularization_strength = 0.01,
                        .l2_regularization_strength = 0.1,
                        .l2_shrinkage_regularization_strength = 0.05,
                        .beta = 0.2};
    Ftrl ftrl(options);
    ftrl.attach(one.set);
    DeviceStepState state(device);
    double n = 0.1, z = 0, p = 1;
    for (double g : {0.3, -0.7, 0.1}) {
      one.step(ftrl, state, g);
      double more = n + g * g;
      z += g + 2 * 0.05 * p - (std::sqrt(more) - std::sqrt(n)) / 0.5 * p;
      n = more;
      double clipped = std::clamp(z, -0.01, 0.01);
      p = (clipped - z) / (std::sqrt(n) / 0.5 + 2 * (0.1 + 0.2 / (2 * 0.5)));
      EXPECT_NEAR(one.values()[1], p, 2e-6);
    }
  }
}

/// Frozen parameters between others: each segment has the norms of its own.
TEST(Lamb, StepsOfEachParameterAreAsLongAsItself) {
  for (Device device : test_devices()) {
    ParameterSet set;
    std::vector<Parameter*> all;
    for (int64_t length : {3, 40, 17})
      all.push_back(&set.add("p" + std::to_string(length), {length}, Initializer::ones()));
    set.allocate(0, DType::f32, device);
    all[1]->set_trainable(false);
    Lamb lamb({.learning_rate = 0.25});
    lamb.attach(set);
    DeviceStepState state(device);
    for (int i : {0, 2}) {
      all[i]->gradient.copy_from(Tensor::full(all[i]->shape, i == 0 ? 0.5 : -3, DType::f32, device));
      all[i]->value.leaf()->fresh = true;
    }
    lamb.update(state, 4);
    EXPECT_NEAR(all[0]->value.to_vector<float>()[2], 0.75, 1e-6);
    EXPECT_EQ(all[1]->value.to_vector<float>()[5], 1);
    EXPECT_NEAR(all[2]->value.to_vector<float>()[16], 1.25, 1e-6);
    EXPECT_EQ(state.read().iteration, 1);
    // Of zeros there is no length: they step as Adam does.
    all[0]->value.copy_from(Tensor::zeros({3}, DType::f32, device));
    all[0]->gradient.copy_from(Tensor::full({3}, 0.5, DType::f32, device));
    all[0]->value.leaf()->fresh = true;
    lamb.update(state, 4);
    EXPECT_NEAR(all[0]->value.to_vector<float>()[0], -0.25, 1e-5);
  }
}

TEST(Lion, StepsByTheSign) {
  for (Device device : test_devices()) {
    OneParameter one(device);
    Lion lion({.learning_rate = 0.125});
    lion.attach(one.set);
    DeviceStepState state(device);
    one.step(lion, state, 3);
    EXPECT_EQ(one.values()[1], 0.875F);
    one.step(lion, state, -0.1);  // 0.9 * 0.03 - 0.1 * 0.1 is positive
    EXPECT_EQ(one.values()[1], 0.75F);
    one.step(lion, state, 0);
    EXPECT_NEAR(lion.slots()[0].values.range(16, {1}).item<float>(), 0.99 * (0.99 * 0.03 - 0.001), 1e-7);
  }
}

}  // namespace
}  // namespace manul
