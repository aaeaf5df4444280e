#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "manul/ops/optimizers/own_optimizer.h"
#include "manul/ops/schedules/schedules.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Optimizers of Manul and of one's own in fit(), and in files.
namespace manul {
namespace {

/// An optimizer as somebody else would write it.
struct Momenta {
  static constexpr const char* class_name = "Mine>Momenta";
  LearningRate learning_rate = 0.001;
  double beta = 0.9;

  void describe(auto& description) {
    description.option({"learning_rate", "lr"}, learning_rate);
    description.option("beta", beta, from_to_below(0, 1));
  }
  std::vector<OptimizerSlot> slots() const { return {{"m", "momentum"}}; }

  template <class T>
  struct Rule {
    static constexpr int slots = 1;
    T keep;
    MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const { return step.learning_rate; }
    MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* slot) const {
      slot[0] = slot[0] * keep + gradient * (1 - keep);
      value -= rate * slot[0];
    }
  };
  template <class T>
  Rule<T> rule() const {
    return {static_cast<T>(beta)};
  }
};
const OptimizerRegistration<Momenta> momenta_registration;

/// SGD that halves the weights after each step: an optimizer that overrides the step.
class CountingSGD : public SGD {
 public:
  using SGD::SGD;
  static inline int64_t applied = 0;

 protected:
  void apply(const Update& update) override {
    ++applied;
    SGD::apply(update);
    update.values.copy_from(scale(update.values, 0.5));
  }
};

void train(Model& model, int steps) {
  for (int i = 0; i < steps; ++i)
    model.train_on_batch(random_tensor({4, 9, 10, 2}, i),
                         Tensor::from(std::vector<float>{0, 1, 1, 0}, {4, 1}));
}

void expect_same(const Model& a, const Model& b, const std::string& what) {
  EXPECT_TRUE(equal_bits(a.parameters().values(), b.parameters().values())) << what;
}

/// beta * m + (1 - beta) * g at a rate is SGD's momentum, which Keras' numbers prove, at (1 - beta) * rate.
TEST(OwnOptimizer, TrainsAndIsSavedAndLoaded) {
  InMemoryDataset data = corner_pictures(201, 1);
  Sequential model = small_classifier(), proven = small_classifier();
  model.compile(OptimizerOf<Momenta>({.learning_rate = 0.3, .beta = 0.8}), Loss::binary_crossentropy, {},
                {.seed = 3});
  proven.compile(SGD({.learning_rate = 0.06, .momentum = 0.8}), Loss::binary_crossentropy, {}, {.seed = 3});
  std::vector<double> losses = model.fit(data, {.epochs = 12})["loss"],
                      wanted = proven.fit(data, {.epochs = 12})["loss"];
  for (size_t epoch = 0; epoch < losses.size(); ++epoch) EXPECT_NEAR(losses[epoch], wanted[epoch], 1e-4);
  EXPECT_LE(normalised_error(model.parameters().values(), proven.parameters().values()), 1e-3);
  EXPECT_LT(losses.back(), losses.front());
  TemporaryFolder folder;
  for (const char* file : {"own.h5", "own.keras"}) {
    model.save(folder / file);
    Model again = Model::load(folder / file, {.training = true});
    EXPECT_EQ(again.optimizer().class_name(), "Mine>Momenta");
    train(model, 2);
    train(again, 2);
    expect_same(model, again, file);
  }
}

TEST(OwnOptimizer, AnOverriddenStepIsTakenEverywhere) {
  InMemoryDataset data = corner_pictures(64, 1);
  Sequential model = small_classifier(), other = small_classifier();
  for (Sequential* one : {&model, &other})
    one->compile(CountingSGD({.learning_rate = 0.1}), Loss::binary_crossentropy, {}, {.seed = 3});
  CountingSGD::applied = 0;
  model.fit(data, {.epochs = 2, .batch_size = 16});
  EXPECT_EQ(CountingSGD::applied, 8);
  EXPECT_EQ(model.state().read().iteration, 8);
  // Each step halves the weights.
  for (int i = 0; i < 30; ++i) train(other, 1);
  double largest = 0;
  for (float value : other.parameters().values().to_vector<float>())
    largest = std::max<double>(largest, std::abs(value));
  EXPECT_LT(largest, 0.2);
  TemporaryFolder folder;
  EXPECT_THAT([&] { model.save(folder / "override.h5"); },
              testing::ThrowsMessage<Error>(
                  testing::HasSubstr("cannot hold the optimizer SGD, which is not registered")));
}

struct Setting {
  std::string name;
  std::function<std::unique_ptr<Optimizer>()> make;
};

template <class T>
Setting setting(const std::string& name, const T& optimizer) {
  return {name, [optimizer] { return std::make_unique<T>(optimizer); }};
}

/// One of each kind of state.
std::vector<Setting> settings() {
  PolynomialDecay falling{.initial_learning_rate = 0.1, .decay_steps = 10};
  return {setting("sgd", SGD()),
          setting("sgd_decay", SGD({}, {.weight_decay = 0.01})),
          setting("amsgrad", Adam({.amsgrad = true})),
          setting("adamw", AdamW()),
          setting("adam_ema", Adam({}, {.use_ema = true})),
          setting("adam_together", Adam({}, {.gradient_accumulation_steps = 2})),
          setting("adam_global", Adam({}, {.global_clipnorm = 0.01})),
          setting("adam_schedule", Adam({.learning_rate = falling})),
          setting("adamax", Adamax()),
          setting("nadam", Nadam()),
          setting("rmsprop", RMSprop({.momentum = 0.9, .centered = true})),
          setting("rmsprop_legacy", RMSprop({.is_legacy = true})),
          setting("adagrad", Adagrad()),
          setting("adagrad_legacy", Adagrad({.is_legacy = true})),
          setting("adadelta", Adadelta({.learning_rate = 1.0})),
          setting("ftrl", Ftrl()),
          setting("lion", Lion())};
}

/// Saved after three steps it goes on to the bit.
TEST(OptimizerFiles, TrainingGoesOnToTheBit) {
  TemporaryFolder folder;
  for (const char* ending : {".h5", ".keras"})
    for (const Setting& one : settings()) {
      std::string file = folder / (one.name + ending);
      SCOPED_TRACE(file);
      Sequential model = small_classifier();
      model.compile(one.make(), Loss::binary_crossentropy, {}, {.seed = 3});
      train(model, 3);
      if (ending == std::string(".keras") && one.name.ends_with("_legacy")) {
        EXPECT_THAT([&] { model.save(file); },
                    testing::ThrowsMessage<Error>(testing::HasSubstr("save as .h5")));
        continue;
      }
      model.save(file);
      Model again = Model::load(file, {.training = true});
      expect_same(model, again, one.name);
      EXPECT_EQ(again.optimizer().slots().size(), model.optimizer().slots().size());
      Tensor before = model.parameters().values().clone();
      train(model, 3);
      train(again, 3);
      expect_same(model, again, one.name);
      EXPECT_FALSE(equal_bits(before, model.parameters().values()));
    }
}

TEST(Fit, EndsWithTheAveragesOfEma) {
  InMemoryDataset data = corner_pictures(64, 1);
  Sequential model = small_classifier(), plain = small_classifier();
  model.compile(SGD({.learning_rate = 0.1}, {.use_ema = true, .ema_momentum = 0.5}),
                Loss::binary_crossentropy, {}, {.seed = 3});
  plain.compile(SGD({.learning_rate = 0.1}), Loss::binary_crossentropy, {}, {.seed = 3});
  std::vector<float> average;
  for (int epoch = 0; epoch < 3; ++epoch) {
    plain.fit(data, {.epochs = 1, .batch_size = 64, .shuffle = false});
    std::vector<float> now = plain.parameters().values().to_vector<float>();
    for (size_t i = 0; i < now.size(); ++i)
      if (epoch == 0)
        average.push_back(now[i]);
      else
        average[i] = 0.5F * average[i] + 0.5F * now[i];
  }
  model.fit(data, {.epochs = 3, .batch_size = 64, .shuffle = false});
  std::vector<float> seen = model.parameters().values().to_vector<float>();
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_NEAR(seen[i], average[i], 1e-6);
}

int64_t resident_bytes() {
  int64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

/// Models that come and go leave no memory behind, whether they are of one size or each of another.
TEST(Memory, ManyModelsOneAfterAnother) {
  InMemoryDataset data = corner_pictures(32, 1);
  auto train_one = [&](int64_t units) {
    Sequential model({9, 10, 2});
    model.add(Flatten{});
    model.add(Dense{.units = units, .activation = Activation::relu});
    model.add(Dense{.units = 1, .activation = Activation::sigmoid});
    model.compile(Adam{}, Loss::binary_crossentropy);
    model.fit(data, {.epochs = 1});
  };
  for (int i = 0; i < 5; ++i) train_one(2000);
  int64_t before = resident_bytes();
  for (int i = 0; i < 100; ++i) train_one(2000);
  EXPECT_LT(resident_bytes(), before + (int64_t{8} << 20)) << "a model has 6 MB";
  for (int i = 0; i < 100; ++i) train_one(1000 + 20 * i);
  EXPECT_LT(resident_bytes(), before + (int64_t{40} << 20)) << "32 MiB may be kept, and a model";
}

}  // namespace
}  // namespace manul
