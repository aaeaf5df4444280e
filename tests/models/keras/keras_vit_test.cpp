#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "manul/framework/error.h"
#include "manul/layers/config/registry.h"
#include "manul/layers/layers.h"
#include "manul/models/graph/model.h"
#include "manul/testing/op_check.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/temporary_folder.h"

// A small vision transformer: Keras' file predicts as in Keras (made by tests/models/make_vit.py), comes back
// from a file of our own, and trains.
namespace manul {
namespace {

class KerasVit : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    for (const char* needed : {"LayerNormalization", "GlobalAveragePooling1D"}) {
      std::vector<LayerClass> known = layer_classes();
      if (std::none_of(known.begin(), known.end(), [&](const LayerClass& one) { return one.name == needed; }))
        GTEST_SKIP() << "not here yet: " << needed;
    }
  }
};

TEST_P(KerasVit, PredictsAsInKerasAndIsSaved) {
  std::string path = reference_file(std::string("models/") + GetParam());
  Fixture expected(path);
  Tensors inputs({expected.tensor("expected/pictures"), expected.tensor("expected/positions")});
  Tensor wanted = expected.tensor("expected/output");
  Model model = Model::load(path);
  EXPECT_LE(normalised_error(model.predict(inputs), wanted), 1e-5);
  TemporaryFolder folder;
  std::string copy = (folder.path() / "vit.h5").string();
  model.save(copy);
  EXPECT_LE(normalised_error(Model::load(copy).predict(inputs), wanted), 1e-5);
}

TEST_P(KerasVit, IsTrainedFurther) {
  std::string path = reference_file(std::string("models/") + GetParam());
  Fixture expected(path);
  Tensors inputs({expected.tensor("expected/pictures"), expected.tensor("expected/positions")});
  Tensor labels = Tensor::from(std::vector<float>{1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0}, {4, 3});
  Model model = Model::load(path, {.training = true});
  double before = model.evaluate(inputs, labels)[0].second;
  model.fit(inputs, labels, {.epochs = 20});
  EXPECT_LT(model.evaluate(inputs, labels)[0].second, 0.9 * before);
}

INSTANTIATE_TEST_SUITE_P(Files, KerasVit, testing::Values("keras2-vit.h5", "keras3-vit.h5"),
                         [](const auto& info) { return std::string(info.param).substr(0, 6); });

/// A network like that of "An image is worth 16x16 words" (Dosovitskiy et al. 2020), small, without a class
/// token and normalization.
Model small_vit() {
  Graph graph;
  Symbol x = graph.input({16, 16, 1}, "pictures");
  x = graph.apply(Conv2D{.filters = 16, .kernel_size = 4, .strides = 4}, x);
  x = graph.apply(Reshape{.target_shape = {16, 16}}, x);
  for (int block = 0; block < 2; ++block) {
    x = graph.apply(Add{}, {x, graph.apply(MultiHeadAttention{.num_heads = 2, .key_dim = 8}, {x, x})});
    Symbol y = graph.apply(Dense{.units = 32, .activation = Activation::gelu}, x);
    x = graph.apply(Add{}, {x, graph.apply(Dense{.units = 16}, y)});
  }
  x = graph.apply(Flatten{}, x);
  graph.set_outputs({graph.apply(Dense{.units = 1, .activation = Activation::sigmoid}, x)});
  return Model(std::move(graph));
}

TEST(Vit, LearnsWhereABrightSquareIs) {
  Tensor x = scale(test_values({96, 16, 16, 1}, 3), 0.3);
  std::vector<float> pixels = x.to_vector<float>(), labels;
  for (int64_t n = 0; n < 96; ++n) {
    bool bright = n % 2 == 0;  // a bright square of 5 x 5, or none
    int64_t top = n * 7 % 11, left = n * 5 % 11;
    for (int64_t row = 0; bright && row < 5; ++row)
      for (int64_t column = 0; column < 5; ++column) pixels[(n * 16 + top + row) * 16 + left + column] += 1;
    labels.push_back(bright ? 1.0f : 0.0f);
  }
  Model model = small_vit();
  model.compile(Adam({.learning_rate = 0.003}), Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 1});
  Tensors inputs(Tensor::from(pixels, {96, 16, 16, 1})), wanted(Tensor::from(labels, {96, 1}));
  double before = model.evaluate(inputs, wanted)[0].second;
  model.fit(inputs, wanted, {.epochs = 40, .batch_size = 16});
  Logs after = model.evaluate(inputs, wanted);
  EXPECT_LT(after[0].second, before / 3);
  EXPECT_GT(after[1].second, 0.9);
}

}  // namespace
}  // namespace manul
