#include <gmock/gmock.h>

#include <cmath>

#include "manul/ops/constraints/constraints.h"
#include "manul/ops/regularizers/regularizer_table.h"
#include "manul/ops/regularizers/regularizers.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Regularizers and constraints of layers, in training and in files.
namespace manul {
namespace {

/// A regularizer as somebody else would write it: the fourth powers.
struct Quartic {
  static constexpr const char* class_name = "Mine>Quartic";
  double factor = 0.01;
  void describe(auto& description) { description.option("factor", factor); }
  Tensor operator()(const Tensor& weight) const { return scale(sum(square(square(weight))), factor); }
};
const RegularizerRegistration<Quartic> quartic_registration;

Sequential dense_model(const std::function<void(Layer&)>& change = [](Layer&) {}) {
  Sequential model({6});
  LayerPtr hidden = Dense{.units = 5, .activation = Activation::tanh, .name = "hidden"};
  change(*hidden);
  model.add(hidden);
  model.add(Dense{.units = 1, .activation = Activation::sigmoid, .name = "out"});
  return model;
}

Tensor inputs() {
  return random_tensor({4, 6}, 1);
}
Tensor labels() {
  return Tensor::from(std::vector<float>{0, 1, 1, 0}, {4, 1});
}

double loss_after(Model& model, int steps = 1) {
  double loss = 0;
  for (int i = 0; i < steps; ++i) loss = model.train_on_batch(inputs(), labels()).item<float>();
  return loss;
}

TEST(Regularized, TheLossAndTheStepHaveThePenalty) {
  constexpr double l2 = 0.05, rate = 0.1;
  Sequential plain = dense_model(), model = dense_model([](Layer&layer) {
                                      layer.regularize("kernel", L2{.l2 = l2});
                                      layer.regularize("bias", L1{.l1 = 0.3});
                                    });
  for (Sequential* one : {&plain, &model})
    one->compile(SGD({.learning_rate = rate}), Loss::binary_crossentropy, {}, {.seed = 3});
  std::vector<float> kernel = model.parameters().at("hidden/kernel").value.to_vector<float>();
  double squares = 0;
  for (float value : kernel) squares += static_cast<double>(value) * value;
  InMemoryDataset data(inputs(), labels());
  EXPECT_NEAR(model.evaluate(data)[0].second, plain.evaluate(data)[0].second + l2 * squares, 1e-6);
  EXPECT_NEAR(loss_after(model), loss_after(plain) + l2 * squares, 1e-6);
  std::vector<float> with = model.parameters().at("hidden/kernel").value.to_vector<float>(),
                     without = plain.parameters().at("hidden/kernel").value.to_vector<float>();
  for (size_t i = 0; i < with.size(); ++i) EXPECT_NEAR(with[i], without[i] - rate * 2 * l2 * kernel[i], 1e-6);
}

TEST(Regularized, AFrozenWeightAddsNothing) {
  Sequential plain = dense_model(),
             model = dense_model([](Layer&layer) { layer.regularize("kernel", L2{.l2 = 5}); });
  for (Sequential* one : {&plain, &model}) {
    one->compile(SGD{}, Loss::binary_crossentropy, {}, {.seed = 3});
    one->graph().layers()[1]->set_trainable(false);
  }
  EXPECT_EQ(loss_after(model), loss_after(plain));
}

TEST(Regularized, IsSavedAndLoaded) {
  TemporaryFolder folder;
  Sequential model = dense_model([](Layer& layer) {
    layer.regularize("kernel", L1L2{.l1 = 0.01, .l2 = 0.02});
    layer.regularize("bias", Quartic{.factor = 0.5});
    layer.constrain("kernel", MaxNorm{.max_value = 0.5});
  });
  model.compile(Adam({.learning_rate = 0.05}), Loss::binary_crossentropy, {}, {.seed = 3});
  loss_after(model, 3);
  model.save(folder / "regularized.h5");
  Model again = Model::load(folder / "regularized.h5", {.training = true});
  EXPECT_EQ(loss_after(model, 3), loss_after(again, 3));
  EXPECT_TRUE(equal_bits(model.parameters().values(), again.parameters().values()));
  Config config = again.graph().layers()[1]->config();
  // Files have their keys in another order.
  EXPECT_EQ(read_options<L1L2>(config.at("kernel_regularizer").at("config")).l2, 0.02);
  MaxNorm constraint = read_options<MaxNorm>(config.at("kernel_constraint").at("config"));
  EXPECT_EQ(constraint.max_value, 0.5);
  EXPECT_EQ(constraint.axis.values, std::vector<int64_t>{0});
}

TEST(Constrained, HoldsAfterEveryStep) {
  Sequential model = dense_model([](Layer& layer) { layer.constrain("kernel", MaxNorm{.max_value = 0.3}); });
  model.compile(SGD({.learning_rate = 0.5}), Loss::binary_crossentropy, {}, {.seed = 3});
  for (int step = 0; step < 3; ++step) {
    loss_after(model);
    std::vector<float> kernel = model.parameters().at("hidden/kernel").value.to_vector<float>();
    for (int unit = 0; unit < 5; ++unit) {
      double sum = 0;
      for (int i = 0; i < 6; ++i) sum += kernel[i * 5 + unit] * kernel[i * 5 + unit];
      EXPECT_LE(std::sqrt(sum), 0.3 + 1e-6);
    }
  }
  EXPECT_EQ(model.state().read().iteration, 3);
}

/// The axes are those of Keras' kernels [H, W, in, out]: one norm a filter.
TEST(Constrained, AxesOfConvolutionsAreKeras) {
  Sequential model({5, 5, 2});
  LayerPtr conv = Conv2D{.filters = 3, .kernel_size = 3, .name = "conv"};
  conv->constrain("kernel", UnitNorm{.axis = {0, 1, 2}});
  model.add(conv);
  model.add(Flatten{});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  model.compile(SGD{}, Loss::binary_crossentropy, {}, {.seed = 3});
  model.train_on_batch(random_tensor({4, 5, 5, 2}, 1), labels());
  std::vector<float> kernel = model.parameters().at("conv/kernel").value.to_vector<float>();
  for (int filter = 0; filter < 3; ++filter) {
    double sum = 0;
    for (int i = 0; i < 18; ++i) sum += kernel[filter * 18 + i] * kernel[filter * 18 + i];
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

TEST(Regularized, AWeightThatIsNotThereIsNamed) {
  Sequential model = dense_model([](Layer& layer) { layer.regularize("kernels", L2{}); });
  EXPECT_THAT([&] { model.compile(SGD{}, Loss::binary_crossentropy); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("kernels_regularizer")));
}

}  // namespace
}  // namespace manul
