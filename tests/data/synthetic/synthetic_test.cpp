#include "manul/data/synthetic/synthetic.h"

#include <gtest/gtest.h>

#include <set>

#include "manul/data/datasets/image_dataset.h"
#include "manul/data/image/image_io.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

std::string text_of(const Image& image) {
  return {image.pixels.begin(), image.pixels.end()};
}

TEST(Synthetic, TheSameKeyDrawsTheSamePictureAndNoOther) {
  std::set<std::string> seen;
  for (SyntheticAnimal animal : {SyntheticAnimal::cat, SyntheticAnimal::dog})
    for (uint64_t seed : {0, 1})
      for (int64_t index = 0; index < 20; ++index) {
        Image image = draw_synthetic(animal, seed, index, 48);
        EXPECT_EQ(image.pixels, draw_synthetic(animal, seed, index, 48).pixels);
        EXPECT_TRUE(seen.insert(text_of(image)).second);
      }
}

TEST(Synthetic, WritesFoldersThatCanBeTrainedOn) {
  TemporaryFolder folder;
  std::vector<std::string> first;
  for (int threads : {1, 3}) {
    cpu::set_threads(threads);
    write_synthetic(folder.path(), {.training = 5, .test = 2, .size = 32});
    ImageFolder training = ImageFolder::scan(folder / "training_set"),
                test = ImageFolder::scan(folder / "test_set");
    EXPECT_EQ(training.summary(), "Found 10 images belonging to 2 classes.");
    EXPECT_EQ(test.summary(), "Found 4 images belonging to 2 classes.");
    std::vector<std::string> pictures;
    for (const auto* set : {&training, &test})
      for (const auto& file : set->files) pictures.push_back(text_of(load_image(file.path)));
    EXPECT_EQ(std::set<std::string>(pictures.begin(), pictures.end()).size(), 14);
    if (first.empty()) first = pictures;
    EXPECT_EQ(pictures, first);
  }
  cpu::set_threads(0);
}

}  // namespace
}  // namespace manul
