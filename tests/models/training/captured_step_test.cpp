#include <gtest/gtest.h>

#include "manul/data/augment/augment.h"
#include "manul/framework/tape.h"
#include "manul/models/training/callbacks.h"
#include "manul/models/training/trainer.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"

// Twenty training steps captured into graphs, against the same steps run eagerly and against the CPU.
namespace manul {
namespace {

constexpr int64_t epochs = 4, batch_size = 16;  // of 70 samples: five steps, the last one short
constexpr uint64_t seed = 7;

/// Pictures in the device's memory, with flips: what a captured step may draw from.
class DevicePictures : public Dataset {
 public:
  explicit DevicePictures(Device device) {
    constexpr int64_t count = 70;
    RandomStream random(1, RandomPurpose::sample, 0, 0);
    std::vector<int32_t> labels(count);
    std::vector<uint8_t> pixels(count * sample_shape().elements());
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(random.below(256));
    for (int64_t i = 0; i < count; ++i) {
      labels[i] = static_cast<int32_t>(random.below(2));
      for (int64_t k = 0; k < int64_t{60} * labels[i]; ++k) pixels[i * sample_shape().elements() + k] |= 0x80;
    }
    pictures_.pictures = Tensor::from(pixels, sample_shape().batch_of(count)).to(device);
    pictures_.labels = Tensor::from(labels, {count}).to(device);
    pictures_.order = Tensor::empty({count}, DType::i32, device);
    options_.horizontal_flip = true;
  }

  int64_t size() const override { return pictures_.labels.elements(); }
  Shape sample_shape() const { return {9, 10, 2}; }
  BatchSpec spec() const override { return {{{sample_shape(), DType::f32}}, {{{}, DType::i32}}, {}}; }
  bool is_resident() const override { return true; }

 protected:
  void set_order(const std::vector<int32_t>& order) override {
    pictures_.order.copy_from(Tensor::from(order, {size()}));
  }
  void fill(const DeviceStepState& state, const Batch& batch) override {
    augment_batch_kernel(state.tensor(), pictures_, options_, batch.inputs[0], batch.labels[0]);
  }

 private:
  EpochPictures pictures_;
  AugmentOptions options_;
};

/// Ends in logits, so that the steps written out below take the loss that fit() takes, and not as one op with
/// the last layer.
Sequential compiled_model(Device device) {
  Sequential model({9, 10, 2});
  model.add(Conv2D{.filters = 8, .kernel_size = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(BatchNormalization{.momentum = 0.9});
  model.add(Dropout{.rate = 0.3});
  model.add(Flatten{});
  model.add(Dense{.units = 16, .activation = Activation::relu});
  model.add(Dense{.units = 1});
  // With Adam's own epsilon a gradient of nothing but rounding errors makes a step as long as any other,
  // and devices would drift apart by that.
  model.compile(Adam{{.learning_rate = 0.002, .epsilon = 1e-3}}, Loss::binary_crossentropy,
                {Metric::accuracy},
                {.device = device, .seed = seed, .fusion = {.loss_from_logits = false}, .from_logits = true});
  return model;
}

/// What the learning rate is set to after `step` steps.
double learning_rate_after(int64_t step) {
  return 0.002 / static_cast<double>(1 + step % 7);
}

struct Trained {
  Sequential model;
  std::vector<Logs> epochs;
};

/// The steps of fit() written out, eager or as a TrainStep runs them.
Trained train(Device device, bool eager) {
  Trained trained{compiled_model(device), {}};
  Sequential& model = trained.model;
  DevicePictures data(device);
  BatchSource source(model, data, batch_size);
  Metric accuracy = Metric::accuracy;
  Tensor totals = Tensor::zeros({2}, DType::f64, device),
         loss_totals = Tensor::zeros({2}, DType::f64, device);
  int64_t length = 0;
  TrainStep step(
      [&] {
        const Batch& batch = source.next(model.state(), length);
        Tensor labels = batch.labels[0].view({length, 1}), logits, loss;
        {
          Tape tape;
          logits = model.forward(batch.inputs[0], {.training = true, .state = &model.state()});
          loss = loss_from_logits(*model.loss().plain, logits, labels);
          tape.backward(loss);
          model.optimizer().update(model.state(), length);
        }
        MetricBatch seen{.labels = labels, .predictions = logits, .loss = loss, .loss_totals = loss_totals};
        accuracy.spec().update(seen, totals);
      },
      device);
  step.set_eager(eager);
  for (int64_t epoch = 0, steps = 0; epoch < epochs; ++epoch) {
    model.state().set(&StepState::epoch, epoch);
    data.begin_epoch(epoch, seed, true);
    for (int64_t position = 0; position < data.size(); position += length) {
      length = source.length_at(position);
      step.run(length);
      model.state().set(&StepState::learning_rate, learning_rate_after(++steps));
    }
    std::vector<double> sums = totals.to_vector<double>(), losses = loss_totals.to_vector<double>();
    trained.epochs.push_back({{"loss", losses[0] / losses[1]}, {"accuracy", sums[0] / sums[1]}});
    totals.fill_zero();
    loss_totals.fill_zero();
    model.state().set(&StepState::position, int64_t{0});
  }
  return trained;
}

class SetLearningRate : public Callback {
 public:
  void on_step_end(FitProgress& fit) override {
    fit.model.state().set(&StepState::learning_rate, learning_rate_after(++steps_));
  }

 private:
  int64_t steps_ = 0;
};

Trained train_with_fit(Device device, const FitOptions& options) {
  Trained trained{compiled_model(device), {}};
  DevicePictures data(device);
  trained.epochs = trained.model.fit(data, options).epochs();
  return trained;
}

/// With the learning rates of the steps written out.
Trained train_with_fit(Device device) {
  SetLearningRate schedule;
  return train_with_fit(device, {.epochs = epochs, .batch_size = batch_size, .callbacks = {&schedule}});
}

void expect_equal(const Trained& a, const Trained& b) {
  EXPECT_TRUE(equal_bits(a.model.parameters().values(), b.model.parameters().values()));
  EXPECT_TRUE(equal_bits(a.model.parameters().statistics(), b.model.parameters().statistics()));
  for (size_t i = 0; i < a.model.optimizer().slots().size(); ++i)
    EXPECT_TRUE(equal_bits(a.model.optimizer().slots()[i].values, b.model.optimizer().slots()[i].values))
        << a.model.optimizer().slots()[i].name;
  EXPECT_EQ(a.epochs, b.epochs);
  StepState x = a.model.state().read(), y = b.model.state().read();
  EXPECT_EQ(x.iteration, 20);
  EXPECT_EQ(y.iteration, 20);
  EXPECT_EQ(x.learning_rate, y.learning_rate);
}

void expect_close(const Trained& a, const Trained& b) {
  constexpr double tolerance = 1e-4;
  EXPECT_LE(normalised_error(a.model.parameters().values(), b.model.parameters().values()), tolerance);
  EXPECT_LE(normalised_error(a.model.parameters().statistics(), b.model.parameters().statistics()),
            tolerance);
  for (size_t i = 0; i < a.model.optimizer().slots().size(); ++i)
    EXPECT_LE(normalised_error(a.model.optimizer().slots()[i].values, b.model.optimizer().slots()[i].values),
              tolerance)
        << a.model.optimizer().slots()[i].name;
  for (size_t epoch = 0; epoch < a.epochs.size(); ++epoch)
    EXPECT_NEAR(a.epochs[epoch][0].second, b.epochs[epoch][0].second, tolerance) << "loss of " << epoch;
}

TEST(CapturedStep, FitIsTheStepsWrittenOut) {
  Trained eager = train(Device::cpu(), true);
  expect_equal(train_with_fit(Device::cpu()), eager);
  EXPECT_LT(eager.epochs.back()[0].second, eager.epochs.front()[0].second) << "it learns";
}

TEST(CapturedStep, EqualsEagerStepsOnTheGpuToTheBit) {
  if (!test_gpu()) GTEST_SKIP() << why_no_gpu();
  Trained eager = train(*test_gpu(), true);
  expect_equal(train(*test_gpu(), true), eager);
  expect_equal(train(*test_gpu(), false), eager);
  expect_equal(train_with_fit(*test_gpu()), eager);
}

/// Three steps and one, then the short batch.
TEST(CapturedStep, SeveralStepsAtOnceEqualSingleOnesOnTheGpuToTheBit) {
  if (!test_gpu()) GTEST_SKIP() << why_no_gpu();
  auto trained = [](int64_t steps) {
    return train_with_fit(*test_gpu(),
                          {.epochs = epochs, .batch_size = batch_size, .steps_per_execution = steps});
  };
  expect_equal(trained(3), trained(1));
}

TEST(CapturedStep, IsCloseToTheCpu) {
  if (!test_gpu()) GTEST_SKIP() << why_no_gpu();
  expect_close(train(*test_gpu(), false), train(Device::cpu(), true));
}

}  // namespace
}  // namespace manul
