#include "manul/ops/optimizers/update.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "manul/framework/cpu/parallel.h"
#include "manul/tests/keras_reference.h"

namespace manul {
namespace {

/// Distance in units of the last place of `b`.
double ulps(float a, float b) {
  double unit = std::nextafter(std::abs(b), std::numeric_limits<float>::infinity()) - std::abs(b);
  return std::abs(static_cast<double>(a) - static_cast<double>(b)) / unit;
}

/// Step `step` of a recorded tensor [steps, ...].
Tensor at_step(const std::string& path, int64_t step) {
  Tensor all = keras_reference().tensor(path);
  Shape shape = all.shape().sample();
  return all.range(step * shape.elements(), shape);
}

/// Two parameters with the reference's initial values.
struct TwoParameters {
  ParameterSet set;
  Parameter* parameters[2];

  explicit TwoParameters(DType dtype = DType::f32, Device device = {}) {
    for (int i = 0; i < 2; ++i) {
      Tensor initial = keras_reference().tensor("optimizers/inputs/initial" + std::to_string(i));
      parameters[i] = &set.add("p" + std::to_string(i), initial.shape(), Initializer::zeros());
    }
    set.allocate(0, dtype, device);
    for (int i = 0; i < 2; ++i)
      parameters[i]->value.copy_from(
          keras_reference().tensor("optimizers/inputs/initial" + std::to_string(i)).to(dtype).to(device));
  }
  void set_gradients(int64_t step) {
    for (int i = 0; i < 2; ++i) {
      const Tensor& gradient = parameters[i]->gradient;
      gradient.copy_from(at_step("optimizers/inputs/grad" + std::to_string(i), step)
                             .to(gradient.dtype())
                             .to(gradient.device()));
      parameters[i]->value.leaf()->fresh = true;
    }
  }
};

struct OptimizerCase {
  const char* name;
  std::function<std::unique_ptr<Optimizer>()> make;
};
void PrintTo(const OptimizerCase& sample, std::ostream* out) {
  *out << sample.name;
}

class KerasOptimizer : public testing::TestWithParam<OptimizerCase> {
 protected:
  void expect_ulps(const Tensor& seen, const Tensor& expected, const std::string& what) {
    std::vector<float> a = seen.to_vector<float>(), b = expected.to_vector<float>();
    for (size_t i = 0; i < a.size(); ++i) EXPECT_LE(ulps(a[i], b[i]), 4) << what << ", element " << i;
  }

  void run_on(Device device) {
    TwoParameters two(DType::f32, device);
    std::unique_ptr<Optimizer> optimizer = GetParam().make();
    optimizer->attach(two.set);
    DeviceStepState state(device);
    state.write({.learning_rate = optimizer->initial_learning_rate()});
    std::string group = std::string("optimizers/") + GetParam().name;
    size_t slots = optimizer->slots().size();
    for (int step = 0; step < 6; ++step) {
      two.set_gradients(step);
      optimizer->update(state, 32);
      for (int i = 0; i < 2; ++i) {
        const Parameter& parameter = *two.parameters[i];
        std::string place = " step " + std::to_string(step) + ", parameter " + std::to_string(i);
        expect_ulps(parameter.value, at_step(group + "/param" + std::to_string(i), step), place);
        for (size_t slot = 0; slot < slots; ++slot)
          expect_ulps(optimizer->slots()[slot].values.range(parameter.offset, parameter.shape),
                      at_step(group + "/slot" + std::to_string(slots * i + slot), step),
                      optimizer->slots()[slot].name + place);
      }
    }
    EXPECT_EQ(state.read().iteration, 6);
    EXPECT_EQ(state.read().position, 192);
  }
};

TEST_P(KerasOptimizer, AgreesToAFewUnitsInTheLastPlace) {
  run_on(Device::cpu());
  if (std::optional<Device> gpu = test_gpu()) run_on(*gpu);
}

template <class T, class Options>
auto maker(const Options& options) {
  return [options] { return std::make_unique<T>(options); };
}

const OptimizerCase cases[] = {
    {"adam", maker<Adam>(AdamOptions{})},
    {"adam_settings",
     maker<Adam>(AdamOptions{.learning_rate = 0.05, .beta_1 = 0.8, .beta_2 = 0.95, .epsilon = 1e-3})},
    {"sgd", maker<SGD>(SGDOptions{.learning_rate = 0.1})},
    {"sgd_momentum", maker<SGD>(SGDOptions{.learning_rate = 0.1, .momentum = 0.9})},
    {"sgd_nesterov", maker<SGD>(SGDOptions{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true})},
};
INSTANTIATE_TEST_SUITE_P(Update, KerasOptimizer, testing::ValuesIn(cases), name_of_sample);

/// The update written out for one number, in double with Keras 2.15's powers of float32(beta).
TEST(Adam, InDoubleTakesThePowersOfFloatBetas) {
  TwoParameters two(DType::f64);
  Adam adam;
  adam.attach(two.set);
  DeviceStepState state;
  state.write({.learning_rate = 0.001});
  double p = two.parameters[1]->value.data<double>()[0], m = 0, v = 0;
  for (int step = 0; step < 6; ++step) {
    two.set_gradients(step);
    double g = two.parameters[1]->gradient.data<double>()[0];
    adam.update(state);
    m += (g - m) * (1 - 0.9);
    v += (g * g - v) * (1 - 0.999);
    double alpha =
        0.001 * std::sqrt(1 - std::pow(double{0.999f}, step + 1)) / (1 - std::pow(double{0.9f}, step + 1));
    p -= m * alpha / (std::sqrt(v) + 1e-7);
    EXPECT_NEAR(two.parameters[1]->value.data<double>()[0], p, 1e-15);
  }
}

TEST(Adam, ReadsTheLearningRateOfEachStep) {
  TwoParameters two;
  Adam adam;
  adam.attach(two.set);
  DeviceStepState state;
  Tensor before = two.set.values().clone();
  two.set_gradients(0);
  adam.update(state);
  EXPECT_TRUE(equal_bits(before, two.set.values()));
  state.set(&StepState::learning_rate, 0.1);
  two.set_gradients(1);
  adam.update(state);
  EXPECT_FALSE(equal_bits(before, two.set.values()));
}

TEST(Adam, GivesTheSameBitsOnOneAndTwoThreads) {
  constexpr int64_t count = 100003;
  std::vector<Tensor> results;
  for (int threads : {1, 2}) {
    cpu::set_threads(threads);
    DeviceStepState state;
    state.write({.iteration = 4, .learning_rate = 0.01});
    Tensor m = test_values({count}, 2), v = test_values({count}, 3, DType::f32, {}, 0, 1);
    Tensor values = test_values({count}, 4);
    adam_update_kernel(AdamOptions{}, state.tensor(), int64_t{0}, test_values({count}, 1), m, v, values);
    results.insert(results.end(), {m, v, values});
  }
  cpu::set_threads(0);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(equal_bits(results[i], results[i + 3])) << i;
}

TEST(Optimizer, ZeroesTheGradientsThatNothingReached) {
  TwoParameters two;
  SGD sgd({.learning_rate = 1});
  sgd.attach(two.set);
  DeviceStepState state;
  state.write({.learning_rate = 1});
  two.set_gradients(0);
  two.parameters[1]->value.leaf()->fresh = false;
  Tensor before = two.parameters[1]->value.clone();
  sgd.update(state);
  EXPECT_TRUE(equal_bits(before, two.parameters[1]->value));
}

/// A frozen parameter keeps value and slots, whatever gradient lies in its place; trained again it goes on.
TEST(Optimizer, LeavesFrozenParametersAsTheyAre) {
  std::vector<Device> devices{Device::cpu()};
  if (std::optional<Device> gpu = test_gpu()) devices.push_back(*gpu);
  for (Device device : devices)
    for (int frozen : {0, 1}) {
      TwoParameters two(DType::f32, device), all(DType::f32, device);
      Adam adam({.learning_rate = 0.1}), reference({.learning_rate = 0.1});
      adam.attach(two.set);
      reference.attach(all.set);
      DeviceStepState state(device), reference_state(device);
      for (const DeviceStepState& s : {state, reference_state}) s.write({.learning_rate = 0.1});
      auto step = [&](int index) {
        two.set_gradients(index);
        all.set_gradients(index);
        adam.update(state, 7);
        reference.update(reference_state, 7);
      };
      step(0);
      Parameter& parameter = *two.parameters[frozen];
      Tensor value = parameter.value.clone();
      Tensor moment = adam.slots()[0].values.range(parameter.offset, parameter.shape).clone();
      parameter.set_trainable(false);
      for (int i : {1, 2}) {
        two.parameters[1 - frozen]->gradient.copy_from(
            at_step("optimizers/inputs/grad" + std::to_string(1 - frozen), i).to(device));
        two.parameters[1 - frozen]->value.leaf()->fresh = true;
        all.set_gradients(i);
        adam.update(state, 7);
        reference.update(reference_state, 7);
      }
      EXPECT_TRUE(equal_bits(value, parameter.value));
      EXPECT_TRUE(equal_bits(moment, adam.slots()[0].values.range(parameter.offset, parameter.shape)));
      EXPECT_TRUE(equal_bits(two.parameters[1 - frozen]->value, all.parameters[1 - frozen]->value));
      EXPECT_EQ(state.read().iteration, 3);
      EXPECT_EQ(state.read().position, 21);
      parameter.set_trainable(true);
      step(3);
      EXPECT_FALSE(equal_bits(value, parameter.value));
    }
}

TEST(Optimizer, CountsTheStepIfAllIsFrozen) {
  TwoParameters two;
  SGD sgd;
  sgd.attach(two.set);
  for (Parameter* parameter : two.parameters) parameter->set_trainable(false);
  DeviceStepState state;
  Tensor before = two.set.values().clone();
  sgd.update(state, 3);
  EXPECT_TRUE(equal_bits(before, two.set.values()));
  EXPECT_EQ(state.read().iteration, 1);
}

TEST(Optimizer, SaysThatItsModelIsGone) {
  Adam adam;
  {
    TwoParameters two;
    adam.attach(two.set);
  }
  EXPECT_THAT(
      [&] { adam.update(DeviceStepState()); },
      testing::ThrowsMessage<Error>(testing::HasSubstr("parameters that it was attached to are gone")));
}

TEST(Optimizer, SaysThatItsParametersWereMoved) {
  TwoParameters two;
  Adam adam;
  adam.attach(two.set);
  ParameterSet outer;
  outer.add(two.set.pointers()[0]);
  outer.add("head", {3}, Initializer::zeros());
  outer.allocate(1);
  EXPECT_THAT([&] { adam.update(DeviceStepState()); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("has moved their parameters")));
  adam.attach(two.set);
  adam.update(DeviceStepState());
}

TEST(Optimizer, MustBeAttachedFirst) {
  Adam adam;
  EXPECT_THROW(adam.update(DeviceStepState()), Error);
}

}  // namespace
}  // namespace manul
