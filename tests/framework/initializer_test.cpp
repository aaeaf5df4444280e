#include "manul/framework/initializer.h"

#include <gmock/gmock.h>

#include <cmath>

#include "manul/framework/error.h"

namespace manul {
namespace {

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
      {fans(Initializer("variance_scaling").with("scale", 5).with_variance("fan_out", "untruncated_normal")),
       0, std::sqrt(5.0 / 500), 0},
      {Initializer("random_uniform").with("minval", 1).with("maxval", 3), 2, 1 / std::sqrt(3.0), 1},
      {Initializer("random_normal").with("mean", 4).with("stddev", 2), 4, 2, 0},
      {Initializer("truncated_normal").with("mean", -1).with("stddev", 0.5), -1, 0.5 * cut, 1}};
  for (const Expected& expected : all) {
    SCOPED_TRACE(expected.initializer.name());
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
    EXPECT_EQ(expected.initializer.with_seed(8).draw({300, 500}, 3, "kernel"),
              expected.initializer.with_seed(8).draw({300, 500}, 4, "kernel"));
  }
}

TEST(Initializer, OrthogonalIsOrthogonal) {
  for (Shape shape : {Shape{20, 50}, Shape{50, 20}, Shape{8, 3, 3, 2}}) {
    std::vector<double> q = Initializer("orthogonal").with("gain", 2).draw(shape, 1, "k");
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
  EXPECT_EQ(Initializer::constant(3).draw({2}, 0, "p"), (std::vector<double>{3, 3}));
  EXPECT_EQ(Initializer("identity").draw({2, 3}, 0, "p"), (std::vector<double>{1, 0, 0, 0, 1, 0}));
}

TEST(Initializer, IsFoundByEveryNameOfKeras) {
  for (std::string_view name : Initializer::class_names())
    EXPECT_EQ(Initializer(Initializer(name).name()).class_name(), name);
  EXPECT_EQ(Initializer("normal").class_name(), "RandomNormal");
  EXPECT_FALSE(Initializer::is_known("henormal"));
  EXPECT_THAT([] { Initializer("henormal"); }, ThrowsMessage<Error>(HasSubstr("henormal is not known")));
  EXPECT_THAT([] { Initializer("zeros").with("stddev", 1); },
              ThrowsMessage<Error>(HasSubstr("Zeros has no option stddev")));
  EXPECT_THROW(Initializer("random_normal").with("stddev", -1), Error);
  EXPECT_THROW(Initializer("identity").draw({2, 3, 4}, 0, "p"), Error);
}

}  // namespace
}  // namespace manul
