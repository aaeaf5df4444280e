#include <gtest/gtest.h>

#include <cmath>

#include "manul/models/training/callbacks/lambda_callback.h"
#include "manul/models/training/callbacks/learning_rate_scheduler.h"
#include "manul/models/training/callbacks/reduce_lr_on_plateau.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/models/scripted_fit.h"
#include "manul/tests/models/support.h"

namespace manul {
namespace {

ReduceLROnPlateauOptions plateau_options(const Fixture& fixture, const std::string& object) {
  ReduceLROnPlateauOptions options;
  options.monitor = fixture.text(object, "monitor");
  options.factor = fixture.number(object, "factor");
  options.patience = static_cast<int64_t>(fixture.number(object, "patience"));
  if (fixture.has_attribute(object, "min_delta")) options.min_delta = fixture.number(object, "min_delta");
  if (fixture.has_attribute(object, "min_lr")) options.min_lr = fixture.number(object, "min_lr");
  if (fixture.has_attribute(object, "cooldown"))
    options.cooldown = static_cast<int64_t>(fixture.number(object, "cooldown"));
  if (fixture.has_attribute(object, "mode"))
    options.mode = fixture.text(object, "mode") == "max" ? MonitorMode::max : MonitorMode::min;
  return options;
}

TEST(ReduceLROnPlateau, EqualsKerasInEveryCase) {
  Fixture fixture(reference_file("schedules.h5"));
  std::vector<std::string> cases = fixture.names("keras2/ReduceLROnPlateau");
  EXPECT_EQ(cases.size(), 10U);
  for (const std::string& name : cases) {
    std::string object = "keras2/ReduceLROnPlateau/" + name;
    SCOPED_TRACE(name);
    Sequential model({1});
    model.add(Dense{.units = 1});
    model.compile(Adam{{.learning_rate = 0.1}}, find_loss("mse"));
    ScriptedFit fit(model);
    ReduceLROnPlateau reduce(plateau_options(fixture, object));
    std::string monitor = fixture.text(object, "monitor");
    auto numbers = [&](const char* of) { return fixture.values(object + "/" + of); };
    std::vector<double> metric = numbers("metric"), rates = numbers("learning_rate"), best = numbers("best");
    std::vector<double> wait = numbers("wait"), cooldown = numbers("cooldown");
    reduce.on_train_begin(fit);
    for (size_t epoch = 0; epoch < metric.size(); ++epoch) {
      fit.epoch = static_cast<int64_t>(epoch);
      reduce.on_epoch_end(fit, {{"loss", 1}, {monitor, metric[epoch]}});
      EXPECT_NEAR(model.state().read().learning_rate, rates[epoch], 1e-6 * rates[epoch]) << epoch;
      EXPECT_EQ(reduce.best(), best[epoch]) << epoch;
      EXPECT_EQ(static_cast<double>(reduce.wait()), wait[epoch]) << epoch;
      EXPECT_EQ(static_cast<double>(reduce.cooldown_left()), cooldown[epoch]) << epoch;
    }
  }
  EXPECT_THROW(ReduceLROnPlateau({.factor = 1}), Error);
}

TEST(Callbacks, OfFunctionsAndSchedulesAreCalledInKerasOrder) {
  InMemoryDataset train = corner_pictures(64, 1);
  Sequential model = small_classifier();
  model.compile(Adam{{.learning_rate = 0.4}}, Loss::binary_crossentropy, {"accuracy"}, {.seed = 3});
  LearningRateScheduler schedule([](int64_t epoch, double rate) { return epoch == 0 ? rate : rate / 2; });
  std::string told;
  std::vector<double> rates;
  auto tell = [&](const char* what) { return [&told, what](FitProgress&) { told += what; }; };
  LambdaCallback functions({.on_train_begin = tell("("),
                            .on_epoch_begin =
                                [&](FitProgress& fit) {
                                  told += "b";
                                  rates.push_back(fit.model.state().read().learning_rate);
                                },
                            .on_step_end = tell("s"),
                            .on_epoch_end = [&](FitProgress&, const Logs&) { told += "e"; },
                            .on_train_end = tell(")")});
  model.fit(train, {.epochs = 3, .callbacks = {&schedule, &functions}});
  EXPECT_EQ(told, "(bssebssebsse)");
  EXPECT_EQ(rates, (std::vector<double>{0.4, 0.2, 0.1}));
  EXPECT_THROW(LearningRateScheduler({}), Error);
  EXPECT_THROW(model.fit(train, {.callbacks = {nullptr}}), Error);
}

}  // namespace
}  // namespace manul
