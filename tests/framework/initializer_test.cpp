#include "manul/framework/initializers/initializers.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "manul/framework/error.h"

namespace manul {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

struct Expected {
  Initializer initializer;
  double mean, deviation, limit;  // limit: of the distance from the mean, 0: none
};

/// What Keras' documentation says of each, for fans of 300 and 500.
TEST(Initializer, DrawsWithTheMomentsOfItsDistribution) {
  constexpr double cut = 0.87962566103423978;  // deviation of a normal distribution cut at 2
  auto fans = [](const Initializer& initializer) { return initializer.with_fans(300, 500); };
  auto uniform = [&](const char* name, double limit) {
    return Expected{fans(name), 0, limit / std::sqrt(3.0), limit};
  };
  auto truncated = [&](const char* name, double deviation) {
    return Expected{fans(name), 0, deviation, 2 * deviation / cut};
  };
  std::vector<Expected> all = {
      uniform("glorot_uniform", std::sqrt(6.0 / 800)),
      uniform("he_uniform", std::sqrt(6.0 / 300)),
      uniform("lecun_uniform", std::sqrt(3.0 / 300)),
      truncated("glorot_normal", std::sqrt(2.0 / 800)),
      truncated("he_normal", std::sqrt(2.0 / 300)),
      truncated("lecun_normal", std::sqrt(1.0 / 300)),
      {fans(
           Initializer(VarianceScaling{.scale = 5, .mode = "fan_out", .distribution = "untruncated_normal"})),
       0, std::sqrt(5.0 / 500), 0},
      {Initializer(RandomUniform{.minval = 1, .maxval = 3}), 2, 1 / std::sqrt(3.0), 1},
      {Initializer(RandomNormal{.mean = 4, .stddev = 2}), 4, 2, 0},
      {Initializer(TruncatedNormal{.mean = -1, .stddev = 0.5}), -1, 0.5 * cut, 1}};
  for (const Expected& expected : all) {
    SCOPED_TRACE(expected.initializer.class_name());
    std::vector<double> values = expected.initializer.draw({300, 500}, 3, "kernel");
    double count = static_cast<double>(values.size()), sum = 0, squares = 0, farthest = 0;
    for (double value : values) {
      sum += value - expected.mean;
      squares += (value - expected.mean) * (value - expected.mean);
      farthest = std::max(farthest, std::abs(value - expected.mean));
    }
    EXPECT_NEAR(sum / count, 0, 5 * expected.deviation / std::sqrt(count));
    EXPECT_NEAR(std::sqrt(squares / count), expected.deviation, 0.01 * expected.deviation);
    if (expected.limit > 0) {
      EXPECT_LE(farthest, expected.limit);
      EXPECT_GE(farthest, 0.95 * expected.limit);
    } else {
      EXPECT_GE(farthest, 3.5 * expected.deviation);
    }
    EXPECT_EQ(values, expected.initializer.draw({300, 500}, 3, "kernel"));
    EXPECT_NE(values, expected.initializer.draw({300, 500}, 4, "kernel"));
    EXPECT_NE(values, expected.initializer.draw({300, 500}, 3, "bias"));
    Config object = expected.initializer.object(), options = object.at("config");
    options.set("seed", 8);
    object.set("config", options);
    Initializer seeded = Initializer::of(object).with_fans(300, 500);
    EXPECT_EQ(seeded.draw({300, 500}, 3, "kernel"), seeded.draw({300, 500}, 4, "kernel"));
  }
}

TEST(Initializer, OrthogonalIsOrthogonal) {
  for (Shape shape : {Shape{20, 50}, Shape{50, 20}, Shape{8, 3, 3, 2}}) {
    std::vector<double> q = Initializer(Orthogonal{.gain = 2}).draw(shape, 1, "k");
    int64_t rows = shape[0], columns = shape.elements() / rows, fewer = std::min(rows, columns);
    auto at = [&](int64_t i, int64_t k) { return rows <= columns ? q[i * columns + k] : q[k * columns + i]; };
    for (int64_t i = 0; i < fewer; ++i)
      for (int64_t j = 0; j < fewer; ++j) {
        double product = 0;
        for (int64_t k = 0; k < std::max(rows, columns); ++k) product += at(i, k) * at(j, k);
        EXPECT_NEAR(product, i == j ? 4 : 0, 1e-12);
      }
  }
}

TEST(Initializer, FixedValues) {
  EXPECT_EQ(Initializer().draw({2}, 0, "p"), (std::vector<double>{0, 0}));
  EXPECT_EQ(Initializer::ones().draw({2}, 0, "p"), (std::vector<double>{1, 1}));
  EXPECT_EQ(Initializer(Constant{.value = 3}).draw({2}, 0, "p"), (std::vector<double>{3, 3}));
  EXPECT_EQ(Initializer("identity").draw({2, 3}, 0, "p"), (std::vector<double>{1, 0, 0, 0, 1, 0}));
}

TEST(Initializer, IsFoundByEveryNameOfKeras) {
  for (const auto& [name, class_name] :
       std::map<std::string, std::string>{{"zeros", "Zeros"},
                                          {"zero", "Zeros"},
                                          {"ones", "Ones"},
                                          {"one", "Ones"},
                                          {"constant", "Constant"},
                                          {"random_uniform", "RandomUniform"},
                                          {"uniform", "RandomUniform"},
                                          {"random_normal", "RandomNormal"},
                                          {"normal", "RandomNormal"},
                                          {"truncated_normal", "TruncatedNormal"},
                                          {"variance_scaling", "VarianceScaling"},
                                          {"glorot_uniform", "GlorotUniform"},
                                          {"glorot_normal", "GlorotNormal"},
                                          {"he_uniform", "HeUniform"},
                                          {"he_normal", "HeNormal"},
                                          {"lecun_uniform", "LecunUniform"},
                                          {"lecun_normal", "LecunNormal"},
                                          {"orthogonal", "Orthogonal"},
                                          {"OrthogonalInitializer", "Orthogonal"},
                                          {"identity", "Identity"}}) {
    EXPECT_EQ(Initializer(name).class_name(), class_name);
    EXPECT_EQ(Initializer(class_name).class_name(), class_name);
  }
  EXPECT_FALSE(Initializer::is_known("heenormal"));
  EXPECT_THAT([] { Initializer("heenormal"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("heenormal is not known"), HasSubstr("HeNormal"))));
  EXPECT_THAT([] { Initializer(RandomNormal{.stddev = -1}); },
              ThrowsMessage<Error>(HasSubstr("RandomNormal: stddev")));
  EXPECT_THROW(Initializer("identity").draw({2, 3, 4}, 0, "p"), Error);
  EXPECT_THROW(Initializer(VarianceScaling{.mode = "fan"}).draw({2, 3}, 0, "p"), Error);
}

/// Keras' compute_fans, for who gives none.
TEST(Initializer, TakesFansOfTheShape) {
  auto largest = [](const Shape& shape) {
    std::vector<double> values = Initializer("glorot_uniform").draw(shape, 5, "p");
    return *std::max_element(values.begin(), values.end());
  };
  EXPECT_NEAR(largest({300, 500}), std::sqrt(6.0 / 800), 1e-4);
  EXPECT_NEAR(largest({3, 5, 40, 60}), std::sqrt(6.0 / (15 * 100)), 1e-4);
  EXPECT_NEAR(largest({5000}), std::sqrt(6.0 / 10000), 1e-4);
}

/// What somebody else's file names is a reason to fail only where it would be used.
TEST(Initializer, AnUnknownOneFailsWhenItDraws) {
  Config object = Config::object("Mine>Waves", Config::map({{"length", 3}}));
  Initializer unknown = Initializer::of(object);
  EXPECT_EQ(unknown.object(), object);
  EXPECT_THAT([&] { unknown.draw({2}, 0, "dense/kernel"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("dense/kernel"), HasSubstr("Mine>Waves"))));
}

/// One of one's own: a struct.
struct Ramp {
  static constexpr const char* class_name = "Mine>Ramp";
  double slope = 1;

  void describe(auto& description) { description.option("slope", slope, at_least(0)); }
  std::vector<double> operator()(Drawing& drawing) const {
    double next = 0;
    return drawing.each([&] { return slope * next++; });
  }
};
const InitializerRegistration<Ramp> ramp_registration;

TEST(Initializer, OneOfOnesOwnIsFoundByName) {
  EXPECT_EQ(Initializer(Ramp{.slope = 2}).draw({3}, 0, "p"), (std::vector<double>{0, 2, 4}));
  Initializer read = Initializer::of(Initializer(Ramp{.slope = 3}).object());
  EXPECT_EQ(read.draw({2}, 0, "p"), (std::vector<double>{0, 3}));
}

}  // namespace
}  // namespace manul
