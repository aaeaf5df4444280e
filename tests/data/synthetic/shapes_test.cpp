#include "manul/data/synthetic/shapes.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "manul/framework/cpu/parallel.h"
#include "manul/testing/op_check.h"

namespace manul {
namespace {

TEST(Shapes, AreTheSameForTheSameOptionsAndAnyNumberOfThreads) {
  cpu::set_threads(1);
  DrawnShapes once = draw_shapes({.count = 50});
  cpu::set_threads(3);
  DrawnShapes again = draw_shapes({.count = 50});
  cpu::set_threads(0);
  EXPECT_EQ(once.images.to_vector<uint8_t>(), again.images.to_vector<uint8_t>());
  EXPECT_EQ(once.masks.to_vector<uint8_t>(), again.masks.to_vector<uint8_t>());
  EXPECT_NE(once.images.to_vector<uint8_t>(),
            draw_shapes({.count = 50, .seed = 1}).images.to_vector<uint8_t>());
}

TEST(Shapes, TheMaskIsWhereThePictureIsBright) {
  DrawnShapes shapes = draw_shapes({.count = 200, .size = 32});
  EXPECT_EQ(shapes.images.shape(), Shape({200, 32, 32, 1}));
  EXPECT_EQ(shapes.masks.shape(), shapes.images.shape());
  std::vector<uint8_t> pixels = shapes.images.to_vector<uint8_t>(), mask = shapes.masks.to_vector<uint8_t>();
  for (size_t first = 0; first < pixels.size(); first += 1024) {
    double bright = 0, dark = 0, count = 0;
    for (size_t i = first; i < first + 1024; ++i) {
      ASSERT_LE(mask[i], 1);
      (mask[i] ? bright : dark) += pixels[i];
      count += mask[i];
    }
    EXPECT_GT(count, 40) << first / 1024;                                   // something is there,
    EXPECT_LT(count, 512) << first / 1024;                                  // not everywhere,
    EXPECT_GT(bright / count, dark / (1024 - count) + 80) << first / 1024;  // and can be told from the ground
  }
}

TEST(Shapes, ClassesAreInTurnAndHaveNames) {
  DrawnShapes some = draw_shapes({.count = 7, .first_class = 4, .classes = 3});
  EXPECT_EQ(some.labels.to_vector<int32_t>(), (std::vector<int32_t>{0, 1, 2, 0, 1, 2, 0}));
  EXPECT_EQ(some.class_names, (std::vector<std::string>{"triangle", "cross", "bar"}));
  std::vector<uint8_t> all = draw_shapes({.count = 10}).masks.to_vector<uint8_t>();
  std::set<std::vector<uint8_t>> different;
  for (size_t i = 0; i < 10; ++i) different.insert({all.begin() + i * 784, all.begin() + (i + 1) * 784});
  EXPECT_EQ(different.size(), 10U);
}

TEST(Shapes, OptionsThatMakeNoSenseAreRefused) {
  check_error({"ShapesCount", [] { draw_shapes({.count = 0}); }, "0 pictures are none"});
  check_error({"ShapesSize", [] { draw_shapes({.size = 4}); }, "a size of 4 pixels is not between"});
  check_error({"ShapesClasses", [] { draw_shapes({.first_class = 8, .classes = 3}); },
               "there are 10 kinds, not 3 from number 8 on"});
}

}  // namespace
}  // namespace manul
