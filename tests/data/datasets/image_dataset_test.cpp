#include "manul/data/datasets/image_dataset.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "manul/framework/cpu/parallel.h"
#include "manul/testing/op_check.h"
#include "manul/tests/data/datasets/picture_folder.h"

namespace manul {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using ImageDatasetTest = PictureFolderTest;

TEST_F(ImageDatasetTest, ScansAsKerasDoes) {
  for (const char* name : {"dogs/b.png", "dogs/a.PNG", "cats/x/2.png", "cats/x y.png", "cats/x y/3.png",
                           "cats/10.png", "cats/9.png", "cats/x/y/1.png"})
    write(name);
  write_text("cats/notes.txt", "no picture");
  write_text("readme.jpg", "not in a class");
  write(".ipynb_checkpoints/a.png");
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
