#include <gtest/gtest.h>

#include <memory>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/dense/matmul.h"
#include "manul/ops/losses/loss.h"
#include "manul/ops/optimizers/optimizers.h"
#include "manul/testing/op_check.h"

// Optimizer::minimize against backward() and update(), which it must equal to the bit.
namespace manul {
namespace {

struct MinimizeCase {
  int64_t batch, length, units;
  DType dtype = DType::f32;
  bool shared = false;  // the kernel feeds two ops
};

/// Two dense layers, an optimizer and what they work on.
class Network {
 public:
  Network(const MinimizeCase& sample, std::unique_ptr<Optimizer> optimizer)
      : optimizer_(std::move(optimizer)),
        shared_(sample.shared),
        hidden_(parameters_.add("hidden/kernel", {sample.length, sample.units},
                                Initializer::glorot_uniform(sample.length, sample.units))),
        hidden_bias_(parameters_.add("hidden/bias", {sample.units}, Initializer::zeros())),
        head_(
            parameters_.add("head/kernel", {sample.units, 1}, Initializer::glorot_uniform(sample.units, 1))),
        x_(test_values({sample.batch, sample.length}, 1, sample.dtype)) {
    parameters_.allocate(3, sample.dtype);
    optimizer_->attach(parameters_);
    state_.write({.learning_rate = 0.01});
    std::vector<int32_t> classes(sample.batch);
    for (int64_t i = 0; i < sample.batch; ++i) classes[i] = static_cast<int32_t>(i % 3 == 0);
    labels_ = Tensor::from(classes, {sample.batch, 1});
  }

  Tensor loss() const {
    Tensor hidden = dense(x_, hidden_.value, hidden_bias_.value, Activation::relu);
    if (looks_inside_) {
      Tape inner;
      inner.backward(loss_from_logits(Loss::binary_crossentropy,
                                      matmul(matmul(x_, hidden_.value), head_.value), labels_));
    }
    if (shared_) hidden = add(hidden, matmul(x_, hidden_.value));
    return loss_from_logits(Loss::binary_crossentropy, matmul(hidden, head_.value), labels_);
  }
  void step(bool minimize) {
    Tape tape;
    Tensor value = loss();
    if (minimize) return optimizer_->minimize(tape, value, state_, 5);
    tape.backward(value);
    optimizer_->update(state_, 5);
  }
  /// From now on the loss runs a tape of its own between the two uses of the kernel.
  void look_inside() { looks_inside_ = true; }
  void add_gradients() const {
    Tape tape;
    tape.backward(loss());
  }

  void expect_equal(const Network& other) const {
    EXPECT_TRUE(equal_bits(parameters_.values(), other.parameters_.values()));
    for (size_t i = 0; i < optimizer_->slots().size(); ++i)
      EXPECT_TRUE(equal_bits(optimizer_->slots()[i].values, other.optimizer_->slots()[i].values))
          << optimizer_->slots()[i].name;
    EXPECT_EQ(state_.read().iteration, other.state_.read().iteration);
    EXPECT_EQ(state_.read().position, other.state_.read().position);
  }

 private:
  ParameterSet parameters_;
  std::unique_ptr<Optimizer> optimizer_;
  bool shared_;
  bool looks_inside_ = false;
  Parameter &hidden_, &hidden_bias_, &head_;
  Tensor x_, labels_;
  DeviceStepState state_;
};

template <class Make>
void expect_equal_steps(const MinimizeCase& sample, const Make& make) {
  Network plain(sample, make());
  for (int i = 0; i < 3; ++i) plain.step(false);
  for (int threads : {1, 2}) {
    SCOPED_TRACE(threads);
    cpu::set_threads(threads);
    Network network(sample, make());
    for (int i = 0; i < 3; ++i) network.step(true);
    network.expect_equal(plain);
  }
  cpu::set_threads(0);
}

/// A batch of many strips of the kernel's rows, one whose sums are split, and small odd ones.
const MinimizeCase samples[] = {
    {32, 700, 128}, {1500, 37, 19}, {3, 5, 1}, {7, 33, 70, DType::f64}, {32, 700, 128, DType::f32, true}};

TEST(Minimize, AdamEqualsBackwardAndUpdate) {
  for (const MinimizeCase& sample : samples) {
    SCOPED_TRACE(sample.length);
    expect_equal_steps(sample, [] { return std::make_unique<Adam>(); });
  }
}

TEST(Minimize, SGDEqualsBackwardAndUpdate) {
  for (const MinimizeCase& sample : samples)
    for (SGDOptions options : {SGDOptions{}, SGDOptions{.momentum = 0.9, .nesterov = true}}) {
      SCOPED_TRACE(sample.length);
      expect_equal_steps(sample, [&] { return std::make_unique<SGD>(options); });
    }
}

TEST(Minimize, ForgetsGradientsThatAreThere) {
  MinimizeCase sample{8, 300, 64};
  Network plain(sample, std::make_unique<Adam>()), network(sample, std::make_unique<Adam>());
  for (Network* one : {&plain, &network}) one->add_gradients();
  plain.step(false);
  network.step(true);
  network.expect_equal(plain);
  Network without(sample, std::make_unique<Adam>());
  without.step(true);
  network.expect_equal(without);
}

TEST(Minimize, AnInnerTapeBetweenTwoUsesOfAParameterChangesNothing) {
  for (bool minimize : {false, true}) {
    MinimizeCase sample{8, 30, 16, DType::f32, true};
    Network plain(sample, std::make_unique<SGD>()), network(sample, std::make_unique<SGD>());
    network.look_inside();
    plain.step(minimize);
    network.step(minimize);
    network.expect_equal(plain);
  }
}

TEST(Minimize, LeavesNothingBehind) {
  MinimizeCase sample{8, 300, 64};
  Network plain(sample, std::make_unique<Adam>()), network(sample, std::make_unique<Adam>());
  for (bool minimize : {true, false, true}) {
    plain.step(false);
    network.step(minimize);
  }
  network.expect_equal(plain);
}

}  // namespace
}  // namespace manul
