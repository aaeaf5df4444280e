#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "manul/framework/error.h"
#include "manul/framework/step.h"
#include "manul/layers/layers.h"
#include "manul/ops/random/random.h"
#include "manul/ops/shape/shape_ops.h"
#include "manul/testing/op_check.h"

// Layers that draw: nothing in inference, Keras' distributions in training, the same for the same step and
// seed. (How a picture is transformed is held against Keras in tests/ops/geometry/affine_test.cpp.)
namespace manul {
namespace {

struct Drawn {
  DeviceStepState state;
  explicit Drawn(int64_t iteration = 0) { state.write({.iteration = iteration, .seed = 3}); }
  Tensor in_training(const LayerPtr& layer, const Tensor& x) const {
    return layer->call({x}, {.training = true, .state = &state}).at(0);
  }
};
Tensor in_inference(const LayerPtr& layer, const Tensor& x) {
  return layer->call({x}, {}).at(0);
}
std::vector<float> values(const Tensor& x) {
  return x.to_vector<float>();
}
double mean_of(const Tensor& x) {
  double sum = 0;
  for (float value : values(x)) sum += value;
  return sum / static_cast<double>(x.elements());
}
double deviation_of(const Tensor& x) {
  double mean = mean_of(x), sum = 0;
  for (float value : values(x)) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(x.elements()));
}

std::vector<LayerPtr> drawing_layers() {
  return {Dropout{.rate = 0.3, .name = "l"},
          SpatialDropout2D{.rate = 0.3, .name = "l"},
          GaussianNoise{.stddev = 0.5, .name = "l"},
          GaussianDropout{.rate = 0.3, .name = "l"},
          AlphaDropout{.rate = 0.3, .name = "l"},
          RandomFlip{.name = "l"},
          RandomRotation{.factor = 0.2, .name = "l"},
          RandomTranslation{.height_factor = 0.3, .width_factor = {-0.1, 0.3}, .name = "l"},
          RandomZoom{.height_factor = 0.3, .name = "l"},
          RandomContrast{.factor = 0.4, .name = "l"},
          RandomBrightness{.factor = 0.2, .name = "l"}};
}

TEST(RandomLayers, DoNothingInInferenceAndDrawAnewEachStep) {
  Tensor x = test_values({4, 6, 5, 3}, 1, DType::f32, {}, 20, 200);
  for (const LayerPtr& layer : drawing_layers()) {
    std::string of = layer->class_name();
    EXPECT_TRUE(equal_bits(in_inference(layer, x), x)) << of;
    Tensor first = Drawn(0).in_training(layer, x);
    EXPECT_EQ(first.shape(), x.shape()) << of;
    EXPECT_FALSE(equal_bits(first, x)) << of;
    EXPECT_TRUE(equal_bits(Drawn(0).in_training(layer, x), first)) << of;
    EXPECT_FALSE(equal_bits(Drawn(1).in_training(layer, x), first)) << of;
    EXPECT_THROW(layer->call({x}, {.training = true}), Error) << of;  // without a state
  }
}

TEST(RandomLayers, KeepMeanAndDeviation) {
  Tensor ones = Tensor::full({100, 10, 10, 8}, 1);
  for (const LayerPtr& layer : std::vector<LayerPtr>{
           Dropout{.rate = 0.3, .name = "l"},
           Dropout{.rate = 0.3, .noise_shape = NoiseShape{{{}, 1, 1, {}}}, .name = "l"},
           SpatialDropout2D{.rate = 0.3, .name = "l"}, GaussianDropout{.rate = 0.3, .name = "l"},
           GaussianNoise{.stddev = 0.5, .name = "l"}})
    EXPECT_NEAR(mean_of(Drawn().in_training(layer, ones)), 1, 0.06) << layer->class_name();
  EXPECT_NEAR(deviation_of(Drawn().in_training(GaussianNoise{.stddev = 0.5, .name = "l"}, ones)), 0.5, 0.01);
  EXPECT_NEAR(deviation_of(Drawn().in_training(GaussianDropout{.rate = 0.3, .name = "l"}, ones)),
              std::sqrt(0.3 / 0.7), 0.01);
  Tensor normal = random_normal({100, 800}, 0, 1, Drawn(7).state, 5);
  Tensor dropped = Drawn().in_training(AlphaDropout{.rate = 0.2, .name = "l"}, normal);
  EXPECT_NEAR(mean_of(dropped), 0, 0.02);
  EXPECT_NEAR(deviation_of(dropped), 1, 0.02);
}

TEST(RandomLayers, SpatialDropoutTakesWholeChannels) {
  Tensor y = Drawn().in_training(SpatialDropout2D{.rate = 0.5, .name = "l"}, Tensor::full({4, 3, 2, 50}, 1));
  std::vector<float> all = values(y);
  for (int64_t n = 0; n < 4; ++n)
    for (int64_t c = 0; c < 50; ++c)
      for (int64_t pixel = 0; pixel < 6; ++pixel) EXPECT_EQ(all[(n * 6 + pixel) * 50 + c], all[n * 300 + c]);
  EXPECT_EQ(std::set<float>(all.begin(), all.end()), (std::set<float>{0, 2}));
}

TEST(RandomLayers, FlipsMirrorEverySecondPicture) {
  Tensor x = test_values({200, 3, 4, 2}, 1);
  std::vector<float> before = values(x),
                     after = values(Drawn().in_training(RandomFlip{.mode = "horizontal", .name = "l"}, x));
  int flipped = 0;
  for (int64_t n = 0; n < 200; ++n) {
    bool same = true, mirrored = true;
    for (int64_t row = 0; row < 3; ++row)
      for (int64_t column = 0; column < 4; ++column)
        for (int64_t c = 0; c < 2; ++c) {
          auto at = [&](int64_t place) { return ((n * 3 + row) * 4 + place) * 2 + c; };
          same &= after[at(column)] == before[at(column)];
          mirrored &= after[at(column)] == before[at(3 - column)];
        }
    EXPECT_TRUE(same || mirrored);
    flipped += mirrored;
  }
  EXPECT_NEAR(flipped, 100, 30);
}

TEST(RandomLayers, CropsAreParts) {
  Tensor x = test_values({3, 7, 6, 2}, 1);
  LayerPtr layer = RandomCrop{.height = 4, .width = 3, .name = "l"};
  EXPECT_EQ(layer->output_shape({{7, 6, 2}}), (Shape{4, 3, 2}));
  std::set<std::vector<float>> seen;
  for (int64_t step = 0; step < 60; ++step) {
    Tensor y = Drawn(step).in_training(layer, x);
    bool is_part = false;
    for (int64_t top = 0; top <= 3; ++top)
      for (int64_t left = 0; left <= 3; ++left)
        is_part |= equal_bits(slice(x, {0, top, left, 0}, {3, 4, 3, 2}), y);
    EXPECT_TRUE(is_part);
    seen.insert(values(y));
  }
  EXPECT_GT(seen.size(), 10U);
  EXPECT_EQ(in_inference(layer, x).shape(), (Shape{3, 4, 3, 2}));
}

TEST(RandomLayers, ContrastAndBrightnessStayInTheirRange) {
  Tensor x = test_values({50, 4, 4, 3}, 1, DType::f32, {}, 0, 255);
  std::vector<float> bright = values(Drawn().in_training(RandomBrightness{.factor = 0.9, .name = "l"}, x));
  EXPECT_EQ(*std::max_element(bright.begin(), bright.end()), 255);
  EXPECT_EQ(*std::min_element(bright.begin(), bright.end()), 0);
  Tensor flat = Tensor::full({3, 4, 4, 3}, 100);  // its mean everywhere
  EXPECT_LE(normalised_error(Drawn().in_training(RandomContrast{.factor = 0.5, .name = "l"}, flat), flat),
            1e-6);
}

}  // namespace
}  // namespace manul
