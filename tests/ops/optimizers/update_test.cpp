#include "manul/ops/optimizers/optimizers.h"

#include <gmock/gmock.h>

#include <cmath>

#include "manul/framework/cpu/parallel.h"
#include "manul/tests/keras_reference.h"

namespace manul {
namespace {

Tensor keras_at(const std::string& path, int64_t step) {
  return at_step(keras_reference().tensor(path), step);
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
      gradient.copy_from(keras_at("optimizers/inputs/grad" + std::to_string(i), step)
                             .to(gradient.dtype())
                             .to(gradient.device()));
      parameters[i]->value.leaf()->fresh = true;
    }
  }
};

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
  state.set(&StepState::learning_rate, 0.0);
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
    run_update(AdamOptions{}, Update{.state = state.tensor(),
                                     .gradients = test_values({count}, 1),
                                     .values = values,
                                     .slots = {m, v}});
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
  for (Device device : test_devices())
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
            keras_at("optimizers/inputs/grad" + std::to_string(1 - frozen), i).to(device));
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
