#include "manul/data/datasets/cifar.h"

#include <gmock/gmock.h>

#include "manul/framework/error.h"
#include "manul/tests/error_of.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

/// A record whose pixel (row, column) has the channels label + row, label + column, label + row + column.
std::string record(const std::string& labels) {
  std::string bytes = labels;
  for (int channel = 0; channel < 3; ++channel)
    for (int row = 0; row < 32; ++row)
      for (int column = 0; column < 32; ++column)
        bytes += static_cast<char>(labels[0] + (channel == 0 ? row : channel == 1 ? column : row + column));
  return bytes;
}

TEST(Cifar, PlanesBecomePixels) {
  TemporaryFolder folder;
  write_file(folder / "test_batch.bin", record("\3") + record("\5"));
  write_file(folder / "batches.meta.txt", "airplane\r\nautomobile\n\n");
  LabelledImages test = read_cifar10(folder.path(), DataPart::test);
  EXPECT_EQ(test.images.shape(), Shape({2, 32, 32, 3}));
  EXPECT_EQ(test.labels.to_vector<int32_t>(), (std::vector<int32_t>{3, 5}));
  EXPECT_THAT(test.class_names, testing::ElementsAre("airplane", "automobile"));
  const uint8_t* pixel = test.images.data<uint8_t>() + ((1 * 32 + 7) * 32 + 9) * 3;
  EXPECT_EQ(pixel[0], 5 + 7);
  EXPECT_EQ(pixel[1], 5 + 9);
  EXPECT_EQ(pixel[2], 5 + 7 + 9);
}

TEST(Cifar, FiveBatchesAreOneTrainingSet) {
  TemporaryFolder folder;
  for (char batch = 1; batch <= 5; ++batch)
    write_file(folder / ("data_batch_" + std::to_string(batch) + ".bin"), record(std::string(1, batch)));
  EXPECT_THAT(read_cifar10(folder.path(), DataPart::training).labels.to_vector<int32_t>(),
              testing::ElementsAre(1, 2, 3, 4, 5));
}

TEST(Cifar, Cifar100HasTwoKindsOfLabels) {
  TemporaryFolder folder;
  write_file(folder / "train.bin", record("\x07\x63"));
  EXPECT_EQ(read_cifar100(folder.path(), DataPart::training).labels.item<int32_t>(), 99);
  EXPECT_EQ(read_cifar100(folder.path(), DataPart::training, CifarLabels::coarse).labels.item<int32_t>(), 7);
}

TEST(Cifar, DamagedFilesAreNamed) {
  TemporaryFolder folder;
  auto refusal = [&] { return error_of([&] { read_cifar10(folder.path(), DataPart::test); }); };
  EXPECT_THAT(refusal(), testing::HasSubstr("test_batch.bin"));
  write_file(folder / "test_batch.bin", record("\3").substr(1));
  EXPECT_THAT(refusal(),
              testing::HasSubstr("test_batch.bin: has 3072 bytes, which are not whole records of 3073"));
  write_file(folder / "test_batch.bin", record("\x0a"));
  EXPECT_THAT(refusal(), testing::HasSubstr("the label 10; there are 10 classes"));
}

}  // namespace
}  // namespace manul
