#include <gtest/gtest.h>

#include <filesystem>

#include "manul/data/datasets/idx.h"
#include "manul/data/datasets/subset.h"
#include "manul/layers/preprocessing.h"
#include "manul/tests/models/support.h"

// A small network on real data that anyone can install.
namespace manul {
namespace {

TEST(FashionMnist, ASmallNetworkLearnsInSeconds) {
  const std::filesystem::path folder = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "the package dataset-fashion-mnist is not installed";
  LabelledImages training = read_mnist(folder, DataPart::training), test = read_mnist(folder, DataPart::test);
  ArrayDataset all(training.images, training.labels), tests(test.images, test.labels);
  Subset data = take(all, 6000), validation = take(tests, 1000);

  Sequential model({28, 28, 1});
  model.add(Rescaling{.scale = 1.0 / 255});
  model.add(Conv2D{.filters = 8, .kernel_size = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 10, .activation = Activation::softmax});
  model.compile(Adam{}, Loss::sparse_categorical_crossentropy, {Metric::accuracy}, {.seed = 1});
  History history = model.fit(data, {.epochs = 3, .validation = &validation});
  EXPECT_GT(history["val_accuracy"].back(), 0.78);
  EXPECT_LT(history["loss"].back(), 0.7 * history["loss"].front());
}

}  // namespace
}  // namespace manul
