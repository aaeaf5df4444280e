#include <gtest/gtest.h>

#include "tests/models/support.h"
#include "tests/op_check.h"

namespace manul {
namespace {

TEST(Fit, LearnsAndReportsAsKerasDoes) {
  InMemoryDataset train = corner_pictures(201, 1), test = corner_pictures(50, 2);
  Sequential model = small_classifier();
  model.compile(Adam{{.learning_rate = 0.01}}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 3});
  History history = model.fit(train, {.epochs = 12, .validation = &test});
  ASSERT_EQ(history.epochs().size(), 12U);
  EXPECT_EQ(history.epochs()[0][0].first, "loss");
  EXPECT_EQ(history.epochs()[0][1].first, "accuracy");
  EXPECT_EQ(history.epochs()[0][2].first, "val_loss");
  EXPECT_EQ(history.epochs()[0][3].first, "val_accuracy");
  EXPECT_LT(history["loss"].back(), 0.5 * history["loss"].front());
  EXPECT_GT(history["val_accuracy"].back(), 0.8);
  EXPECT_EQ(history.stop_reason, StopReason::finished);
  EXPECT_EQ(model.state().read().iteration, 12 * 7);
  Logs evaluated = model.evaluate(test);
  EXPECT_EQ(evaluated[0].second, history["val_loss"].back());
  EXPECT_EQ(evaluated[1].second, history["val_accuracy"].back());
}

}  // namespace
}  // namespace manul
