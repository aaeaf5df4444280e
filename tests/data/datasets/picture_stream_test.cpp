#include "manul/data/datasets/picture_stream.h"

#include <gmock/gmock.h>

#include "manul/testing/op_check.h"
#include "manul/tests/data/datasets/picture_folder.h"

// Image data sets with more pictures than their cache holds.
namespace manul {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class PictureStreamTest : public PictureFolderTest {
 protected:
  /// Pictures of which 21 are 1 MiB: the smallest cache and the smallest ring hold a part of them only.
  static ImageDatasetOptions streamed(int64_t cache_mb, int workers = 2, Device device = {}) {
    ImageDatasetOptions options;
    options.image = {.height = 128, .width = 128};
    options.augment = article();
    options.cache_mb = cache_mb;
    options.stream_mb = 1;
    options.workers = workers;
    options.device = device;
    return options;
  }
  static int64_t cached(const ImageDataset& data) { return data.cached_bytes() / (int64_t{128} * 128 * 3); }

  void expect_same_for_any_cache(Device device) {
    write_many(35);
    ImageFolder files = ImageFolder::scan(folder);
    ImageDataset whole(files, streamed(64, 2, device));
    ASSERT_TRUE(whole.fully_cached());
    for (int64_t cache_mb : {0, 1, 2})
      for (int workers : {1, 3}) {
        ImageDataset data(files, streamed(cache_mb, workers, device));
        ASSERT_EQ(cached(data), 21 * cache_mb);
        for (int64_t epoch : {0, 1})
          EXPECT_EQ(epoch_of(data, epoch, 7, epoch == 1, device),
                    epoch_of(whole, epoch, 7, epoch == 1, device));
        EXPECT_EQ(epoch_of(data, 2, 7, true, device, 19), epoch_of(whole, 2, 7, true, device, 19));
      }
  }
};

TEST_F(PictureStreamTest, BatchesAreTheSameForAnyCacheAndAnyWorkers) {
  expect_same_for_any_cache(Device::cpu());
}

TEST_F(PictureStreamTest, BatchesAreTheSameForAnyCacheOnTheGpu) {
  if (!test_gpu()) GTEST_SKIP() << why_no_gpu();
  expect_same_for_any_cache(*test_gpu());
}

TEST_F(PictureStreamTest, BeginsAnywhereInAnEpoch) {
  write_many(35);
  ImageDataset data(ImageFolder::scan(folder), streamed(1));
  data.begin_epoch(0, 7, true);
  DeviceStepState state;
  std::vector<std::vector<float>> batches;
  auto batch_at = [&](int64_t position) {
    state.write({.position = position, .seed = 7});
    Tensor inputs = Tensor::empty(data.sample_shape().batch_of(10)), labels = Tensor::empty({10}, DType::i32);
    data.prepare_batch(position, 10);
    data.next_batch(state, inputs, labels);
    return inputs.to_vector<float>();
  };
  for (int64_t position = 0; position < 70; position += 10) batches.push_back(batch_at(position));
  for (int64_t position : {60, 10, 10, 20, 50}) EXPECT_EQ(batch_at(position), batches[position / 10]);
}

TEST_F(PictureStreamTest, BadPicturesBeyondTheCacheAreFoundAtTheBeginning) {
  write_many(35);
  write_text("cats/3.png", "text");
  write_text("dogs/30.png", "text");
  ImageFolder files = ImageFolder::scan(folder);
  ImageDataset whole(files, streamed(64)), data(files, streamed(1));
  EXPECT_THAT(data.bad_images(), ::testing::ElementsAre(HasSubstr("cats/3.png"), HasSubstr("dogs/30.png")));
  EXPECT_EQ(data.bad_images(), whole.bad_images());
  EXPECT_EQ(data.size(), 68);
  EXPECT_EQ(epoch_of(data, 1, 7, true), epoch_of(whole, 1, 7, true));
}

TEST_F(PictureStreamTest, AFileThatVanishesOrChangesIsNamed) {
  write_many(35);
  ImageDataset data(ImageFolder::scan(folder), streamed(1));
  std::vector<float> before = epoch_of(data, 0, 7, true);
  auto an_epoch = [&] { epoch_of(data, 0, 7, true); };
  fs::rename(folder / "dogs/20.png", folder / "away.png");
  EXPECT_THAT(error_of(an_epoch), AllOf(HasSubstr("dogs/20.png: cannot be read: No such file or directory"),
                                        HasSubstr("it was a good picture when the data was read")));
  write("dogs/20.png", 77);  // another picture
  EXPECT_THAT(error_of(an_epoch), HasSubstr("dogs/20.png: the file has changed since the data was read"));
  fs::rename(folder / "away.png", folder / "dogs/20.png");
  EXPECT_EQ(epoch_of(data, 0, 7, true), before) << "usable again after the error";
  write("cats/0.png", 77);
  EXPECT_EQ(epoch_of(data, 0, 7, true), before) << "what is cached may change";
}

TEST_F(PictureStreamTest, SaysWhatABatchLacks) {
  write_many(35);
  ImageDataset data(ImageFolder::scan(folder), streamed(0));
  DeviceStepState state;
  Tensor inputs = Tensor::empty(data.sample_shape().batch_of(8)), labels = Tensor::empty({8}, DType::i32);
  EXPECT_THROW(data.next_batch(state, inputs, labels), Error) << "not prepared";
  try {
    data.prepare_batch(0, 30);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "image data set: a batch has 30 pictures that are not cached, but only 21 are read ahead");
  }
}

}  // namespace
}  // namespace manul
