#include "manul/data/image/picture_grid.h"

#include <gtest/gtest.h>

#include <cmath>

#include "manul/data/image/image_io.h"
#include "manul/data/image/load_images.h"
#include "manul/testing/op_check.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

TEST(PictureGrid, PutsPicturesSideBySide) {
  Tensor pictures = Tensor::from(std::vector<uint8_t>{1, 2, 3, 4, 5, 6}, {3, 1, 2, 1});
  Image grid = picture_grid(pictures, 2, 1);
  EXPECT_EQ(grid.height, 3);
  EXPECT_EQ(grid.width, 5);
  EXPECT_EQ(grid.channels, 1);
  EXPECT_EQ(grid.pixels, (std::vector<uint8_t>{1, 2, 0, 3, 4,     // two and a gap between
                                               0, 0, 0, 0, 0,     // a gap
                                               5, 6, 0, 0, 0}));  // the third, and nothing
  EXPECT_EQ(picture_grid(pictures, 8, 0).pixels, (std::vector<uint8_t>{1, 2, 3, 4, 5, 6}));
}

TEST(PictureGrid, RoundsNumbersToBytes) {
  Tensor pictures = Tensor::from(std::vector<float>{0, 0.5, 1, -3, 7, NAN}, {1, 2, 1, 3});
  EXPECT_EQ(picture_grid(pictures).pixels, (std::vector<uint8_t>{0, 128, 255, 0, 255, 0}));
}

TEST(PictureGrid, WhatIsNoPictureIsRefused) {
  check_error({"GridRank", [] { picture_grid(Tensor::zeros({2, 3, 3})); }, "not [2, 3, 3]"});
  check_error({"GridChannels", [] { picture_grid(Tensor::zeros({2, 3, 3, 2})); }, "not [2, 3, 3, 2]"});
  check_error({"GridColumns", [] { picture_grid(Tensor::zeros({2, 3, 3, 1}), 0); }, "0 columns"});
  check_error({"GridSize", [] { picture_grid(Tensor::zeros({40000, 1, 1, 1}), 1); }, "more than 65535"});
}

TEST(LoadImages, ReadsAFolderAsOneTensor) {
  TemporaryFolder folder;
  Tensor pictures = Tensor::from(std::vector<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2, 1});
  std::vector<std::filesystem::path> files;
  for (int i : {0, 1}) {
    files.push_back(folder / fmt::format("{}.png", i));
    save_png(files.back(), picture_grid(pictures.range(4 * i, {1, 2, 2, 1})));
  }
  Tensor read = load_images(files, {.color_mode = ColorMode::grayscale});
  EXPECT_EQ(read.shape(), pictures.shape());
  EXPECT_EQ(read.to_vector<uint8_t>(), pictures.to_vector<uint8_t>());
  EXPECT_EQ(load_images(files, {.height = 4, .width = 6}).shape(), Shape({2, 4, 6, 3}));

  files.push_back(folder / "large.png");
  save_png(files.back(), Image(3, 2, 1));
  check_error({"LoadImagesSizes", [&] { load_images(files); },
               "large.png: it is 3x2 pixels with 3 channels, but " + files[0].string()});
  files[2] = folder / "nothing.png";
  check_error({"LoadImagesNoFile", [&] { load_images(files); }, "nothing.png"});
  check_error({"LoadImagesNone", [&] { load_images({}); }, "there are no files"});
}

}  // namespace
}  // namespace manul
