#include <gmock/gmock.h>

#include "manul/framework/tape.h"
#include "manul/ops/regularizers/regularizers.h"
#include "manul/testing/op_check.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Regularizers of what layers put out, against Keras' numbers (tests/models/make_activity.py), and losses
// that layers add themselves.
namespace manul {
namespace {

class KerasActivity : public testing::TestWithParam<const char*> {
 protected:
  std::string path_ = reference_file(std::string("models/") + GetParam());
  Fixture expected_{path_};
  Tensor pictures_ = expected_.tensor("expected/pictures"), labels_ = expected_.tensor("expected/labels");

  /// Three steps of training, and what Keras has after them.
  void expect_as_in_keras(const std::string& path, Device device) {
    SCOPED_TRACE(path + " " + device.name());
    Model model = Model::load(path, {.device = device, .training = true});
    EXPECT_NEAR(model.evaluate(pictures_, labels_, 2)[0].second, expected_.values("expected/evaluated")[0],
                1e-5);
    for (double loss : expected_.values("expected/losses")) {
      History history = model.fit(pictures_, labels_, {.batch_size = 5, .shuffle = false});
      EXPECT_NEAR(history["loss"][0], loss, 1e-5);
    }
    EXPECT_LE(
        normalised_error(model.predict(pictures_).to(Device::cpu()), expected_.tensor("expected/output")),
        1e-5);
  }
};

TEST_P(KerasActivity, IsInTheLossAndInTheStep) {
  expect_as_in_keras(path_, Device::cpu());
  if (std::optional<Device> gpu = test_gpu()) expect_as_in_keras(path_, *gpu);
}

TEST_P(KerasActivity, IsInTheFilesThatAreWritten) {
  TemporaryFolder folder;
  Model model = Model::load(path_, {.training = true});
  for (const char* name : {"again.h5", "again.keras"}) {
    model.save(folder / name);
    expect_as_in_keras(folder / name, Device::cpu());
  }
}

INSTANTIATE_TEST_SUITE_P(Files, KerasActivity, testing::Values("keras2-activity.h5", "keras3-activity.h5"),
                         [](const auto& info) { return std::string(info.param).substr(0, 6); });

double loss_of(Sequential& model, const BuildOptions& options = {}) {
  model.build(options);
  model.compile(SGD{}, Loss::binary_crossentropy);
  Tensor labels = Tensor::from(std::vector<float>{1, 0, 1, 1}, {4, 1});
  double before = model.evaluate(random_tensor({4, 8, 8, 2}, 3), labels)[0].second;
  EXPECT_NEAR(model.train_on_batch(random_tensor({4, 8, 8, 2}, 3), labels).item<float>(), before, 1e-5);
  return before;
}

/// A convolution, its relu and the pooling behind them run as one op unless one of them is regularized; the
/// last activation is left out of the loss alone.
TEST(Activity, IsThatOfTheLayerItselfWhateverIsFused) {
  auto network = [](double conv, double relu, double last) {
    Sequential model({8, 8, 2});
    LayerPtr first = Conv2D{.filters = 3, .kernel_size = 3, .name = "conv"};
    LayerPtr answer = Dense{.units = 1, .activation = Activation::sigmoid, .name = "answer"};
    if (conv > 0) first->regularize_activity(L2{.l2 = conv});
    if (last > 0) answer->regularize_activity(L1{.l1 = last});
    model.add(first);
    model.add(ActivationLayer{.activation = Activation::relu});
    if (relu > 0) model.add(ActivityRegularization{.l1 = relu});
    model.add(MaxPooling2D{});
    model.add(Flatten{});
    model.add(answer);
    return model;
  };
  Sequential plain = network(0, 0, 0);
  double without = loss_of(plain);
  Sequential again = network(0, 0, 0);
  again.build();
  Tensor x = random_tensor({4, 8, 8, 2}, 3);
  auto of = [&](const char* layer) { return Model(again.inputs(), {again.output_of(layer)}).predict(x); };
  double squares = sum(square(of("conv"))).item<float>() / 4, sizes = sum(of("activation")).item<float>() / 4,
         answers = sum(of("answer")).item<float>() / 4;
  for (bool fused : {true, false}) {
    BuildOptions options{.fusion = {fused, fused, fused}};
    Sequential conv = network(0.25, 0, 0), relu = network(0, 0.5, 0), last = network(0, 0, 3);
    EXPECT_NEAR(loss_of(conv, options), without + 0.25 * squares, 1e-5);
    EXPECT_NEAR(loss_of(relu, options), without + 0.5 * sizes, 1e-5);
    EXPECT_NEAR(loss_of(last, options), without + 3 * answers, 1e-5);
  }
}

TEST(Activity, IsRefusedWhereALayerHasNoSuchOption) {
  LayerPtr flatten = Flatten{.name = "flat"};
  EXPECT_THAT([&] { flatten->regularize_activity(L2{}); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("put an ActivityRegularization behind it")));
  // Keras gives it to the projections within.
  LayerPtr attention = MultiHeadAttention{.num_heads = 1, .key_dim = 2, .name = "attention"};
  EXPECT_THROW(attention->regularize_activity(L2{}), Error);
}

/// A layer of one's own that adds to the loss, as Keras' add_loss.
struct MeanSquareLoss {
  static constexpr const char* class_name = "Mine>MeanSquareLoss";
  static constexpr bool adds_losses = true;
  double factor = 1;
  void describe(Description& description) { description.option("factor", factor); }
  Tensor call(const Tensor& x, const CallContext& context) const {
    if (context.losses) context.losses->push_back(scale(mean(square(x)), factor));
    return x;
  }
};

TEST(Activity, ALayerOfOnesOwnAddsToTheLoss) {
  auto network = [](double factor) {
    Sequential model({8, 8, 2});
    if (factor > 0) model.add(MeanSquareLoss{.factor = factor});
    model.add(Flatten{});
    model.add(Dense{.units = 1, .activation = Activation::sigmoid, .name = "answer"});
    return model;
  };
  Sequential plain = network(0), adds = network(2);
  double squares = mean(square(random_tensor({4, 8, 8, 2}, 3))).item<float>();
  EXPECT_NEAR(loss_of(adds), loss_of(plain) + 2 * squares, 1e-5);
}

}  // namespace
}  // namespace manul
