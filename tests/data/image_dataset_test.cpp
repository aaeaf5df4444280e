#include "data/image_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

#include "data/image_io.h"
#include "framework/cpu/parallel.h"
#include "framework/error.h"
#include "framework/random.h"
#include "tests/op_check.h"

namespace manul {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A folder of small pictures for one test.
class ImageDatasetTest : public ::testing::Test {
 protected:
  fs::path folder = fs::path(::testing::TempDir()) /
                    (std::string("manul_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());

  void SetUp() override { fs::remove_all(folder); }
  void TearDown() override { fs::remove_all(folder); }

  void write(const std::string& name, int seed = 0) {
    Image image(8, 9, 3);
    RandomStream stream(seed, RandomPurpose::sample, 0, 0);
    for (uint8_t& pixel : image.pixels) pixel = static_cast<uint8_t>(stream.below(256));
    fs::create_directories((folder / name).parent_path());
    save_png(folder / name, image);
  }
  void write_text(const std::string& name, const std::string& text) {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
  }
  void write_many(int each = 20) {
    for (int i = 0; i < each; ++i) {
      write("cats/" + std::to_string(i) + ".png", i);
      write("dogs/" + std::to_string(i) + ".png", 100 + i);
    }
  }
  std::vector<std::string> names(const std::vector<ImageFolder::File>& files) {
    std::vector<std::string> result;
    for (const auto& file : files)
      result.push_back(file.path.lexically_relative(folder).string() + "=" + std::to_string(file.label));
    return result;
  }
  template <class Function>
  std::string error_of(Function function) {
    try {
      function();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      return error.what();
    }
    return "";
  }

  static ImageDatasetOptions small() {
    ImageDatasetOptions options;
    options.image = {.height = 6, .width = 6};
    return options;
  }
  static AugmentOptions article() {
    AugmentOptions options;
    options.shear_range = 0.2;
    options.zoom_low = 0.8;
    options.zoom_high = 1.2;
    options.horizontal_flip = true;
    return options;
  }
  /// All batches of an epoch, inputs and labels one after the other.
  static std::vector<float> epoch_of(ImageDataset& data, int64_t epoch, uint64_t seed, bool shuffle,
                                     Device device = {}) {
    DeviceStepState state(device);
    state.write({.epoch = epoch, .seed = seed});
    data.begin_epoch(epoch, seed, shuffle);
    std::vector<float> all;
    for (int64_t done = 0; done < data.size();) {
      int64_t count = std::min<int64_t>(8, data.size() - done);
      Tensor inputs = Tensor::empty(data.sample_shape().batch_of(count), DType::f32, device);
      Tensor labels = Tensor::empty({count}, DType::i32, device);
      data.next_batch(state, inputs, labels);
      for (float value : inputs.to_vector<float>()) all.push_back(value);
      for (int32_t value : labels.to_vector<int32_t>()) all.push_back(static_cast<float>(value));
      state.set(&StepState::position, done += count);
    }
    return all;
  }
};

TEST_F(ImageDatasetTest, ScansAsKerasDoes) {
  for (const char* name : {"dogs/b.png", "dogs/a.PNG", "cats/x/2.png", "cats/x y.png", "cats/x y/3.png",
                           "cats/10.png", "cats/9.png", "cats/x/y/1.png"})
    write(name);
  write_text("cats/notes.txt", "no picture");
  write_text("readme.jpg", "not in a class");
  ImageFolder found = ImageFolder::scan(folder);
  EXPECT_THAT(found.class_names, ElementsAre("cats", "dogs"));
  EXPECT_THAT(names(found.files),
              ElementsAre("cats/10.png=0", "cats/9.png=0", "cats/x y.png=0", "cats/x/2.png=0",
                          "cats/x y/3.png=0", "cats/x/y/1.png=0", "dogs/a.PNG=1", "dogs/b.png=1"));
  EXPECT_EQ(found.summary(), "Found 8 images belonging to 2 classes.");
}

TEST_F(ImageDatasetTest, SplitsTheFirstFilesOfEachClassOff) {
  for (int i = 0; i < 7; ++i) write("a/" + std::to_string(i) + ".png");
  for (int i = 0; i < 5; ++i) write("b/" + std::to_string(i) + ".png");
  auto subset = [&](ImageFolder::Subset which) { return names(ImageFolder::scan(folder, which, 0.3).files); };
  EXPECT_THAT(subset(ImageFolder::Subset::validation), ElementsAre("a/0.png=0", "a/1.png=0", "b/0.png=1"));
  EXPECT_EQ(subset(ImageFolder::Subset::training).size(), 12 - 3);
  EXPECT_THAT(error_of([&] { ImageFolder::scan(folder, ImageFolder::Subset::validation, 0.1); }),
              HasSubstr("leaves none of its 7 pictures for validation"));
}

TEST_F(ImageDatasetTest, SaysWhatIsWrongWithAFolder) {
  auto scan = [&] { ImageFolder::scan(folder); };
  EXPECT_THAT(error_of(scan), HasSubstr("there is no such folder"));
  fs::create_directories(folder);
  EXPECT_THAT(error_of(scan), HasSubstr("no sub-folders"));
  write("cats/1.png");
  EXPECT_THAT(error_of(scan), HasSubstr("only one"));
  write_text("dogs/1.txt", "");
  EXPECT_THAT(error_of(scan), HasSubstr("dogs: no pictures below it"));
}

TEST_F(ImageDatasetTest, DoesNotFollowLinksInCircles) {
  write_many(1);
  fs::create_directory_symlink(folder / "cats", folder / "cats" / "again");
  fs::create_symlink(folder / "nowhere.png", folder / "cats" / "broken.png");
  EXPECT_THAT(names(ImageFolder::scan(folder).files),
              ElementsAre("cats/0.png=0", "cats/broken.png=0", "dogs/0.png=1"));
}

TEST_F(ImageDatasetTest, SkipsAndNamesBadPictures) {
  write_many(3);
  write_text("cats/1.png", "text");
  write_text("dogs/empty.jpg", "");
  ImageDataset data(ImageFolder::scan(folder), small());
  EXPECT_THAT(names(data.files()),
              ElementsAre("cats/0.png=0", "cats/2.png=0", "dogs/0.png=1", "dogs/1.png=1", "dogs/2.png=1"));
  EXPECT_THAT(data.bad_images(),
              ElementsAre(HasSubstr("cats/1.png: not a picture"), HasSubstr("empty.jpg: the file is empty")));
  EXPECT_EQ(data.summary(), "Found 5 images belonging to 2 classes.");
  // The pictures moved up with their files.
  Image second = load_image(folder / "cats/2.png", small().image);
  std::vector<float> all = epoch_of(data, 0, 0, false);
  for (size_t i = 0; i < second.pixels.size(); ++i)
    EXPECT_EQ(all[second.pixels.size() + i], second.pixels[i] * (1.0f / 255));

  ImageDatasetOptions strict = small();
  strict.on_bad_image = OnBadImage::fail;
  EXPECT_THAT(error_of([&] { ImageDataset(ImageFolder::scan(folder), strict); }), HasSubstr("not a picture"));
}

TEST_F(ImageDatasetTest, AClassWithoutAReadablePictureIsAnError) {
  write_many(2);
  write_text("dogs/0.png", "text");
  write_text("dogs/1.png", "text");
  EXPECT_THAT(error_of([&] { ImageDataset(ImageFolder::scan(folder), small()); }),
              HasSubstr("class 'dogs': none of its 2 pictures can be read"));
}

TEST_F(ImageDatasetTest, TheOrderIsASeededPermutationThatChangesEveryEpoch) {
  write_many();
  ImageDataset data(ImageFolder::scan(folder), small());
  std::vector<float> plain = epoch_of(data, 0, 1, false);
  std::vector<float> first = epoch_of(data, 0, 1, true);
  EXPECT_NE(first, plain);
  EXPECT_EQ(first, epoch_of(data, 0, 1, true));
  EXPECT_NE(first, epoch_of(data, 1, 1, true));
  EXPECT_NE(first, epoch_of(data, 0, 2, true));
  EXPECT_EQ(std::multiset<float>(first.begin(), first.end()),
            std::multiset<float>(plain.begin(), plain.end()));
}

TEST_F(ImageDatasetTest, IsTheSameForAnyNumberOfThreadsAndAnyCache) {
  write_many();
  ImageDatasetOptions options = small();
  options.augment = article();
  std::vector<float> expected;
  for (int threads : {1, 2, 5})
    for (int64_t cache_mb : {64, 0}) {
      cpu::set_threads(threads);
      options.cache_mb = cache_mb;
      ImageDataset data(ImageFolder::scan(folder), options);
      EXPECT_EQ(data.fully_cached(), cache_mb > 0);
      std::vector<float> all = epoch_of(data, 3, 7, true);
      if (expected.empty()) expected = all;
      EXPECT_EQ(all, expected);
    }
  cpu::set_threads(0);
}

TEST_F(ImageDatasetTest, GivesTheSameBatchesOnTheGpu) {
  if (!test_gpu()) GTEST_SKIP() << why_no_gpu();
  write_many();
  ImageDatasetOptions options = small();
  options.augment = article();
  ImageDataset data(ImageFolder::scan(folder), options);
  options.device = *test_gpu();
  ImageDataset there(ImageFolder::scan(folder), options);
  for (int64_t epoch : {0, 3}) {
    std::vector<float> expected = epoch_of(data, epoch, 7, true);
    std::vector<float> found = epoch_of(there, epoch, 7, true, *test_gpu());
    ASSERT_EQ(found.size(), expected.size());
    double worst = 0;
    for (size_t i = 0; i < found.size(); ++i)
      worst = std::max<double>(worst, std::abs(found[i] - expected[i]));
    EXPECT_LE(worst, 1e-2 / 255) << "of pixels and labels";
  }
}

TEST_F(ImageDatasetTest, StopsWhenAsked) {
  write_many(2);
  std::atomic<bool> stop{true};
  ImageDatasetOptions options = small();
  options.stop = &stop;
  EXPECT_THROW(ImageDataset(ImageFolder::scan(folder), options), Error);
}

}  // namespace
}  // namespace manul
