#include "manul/data/datasets/picture_files.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "manul/data/image/picture_format.h"
#include "manul/tests/data/datasets/picture_folder.h"

namespace manul {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::string_literals;

class PictureFilesTest : public PictureFolderTest {
 protected:
  std::vector<std::string> found(IgnoredFiles& ignored) {
    std::vector<std::string> names;
    for (const auto& file : pictures_below(folder, ignored))
      names.push_back(file.lexically_relative(folder).string());
    return names;
  }
  std::string png() {
    write("p.png");
    return read_file(folder / "p.png");
  }
};

TEST_F(PictureFilesTest, ContentDecidesWhereTheNameDoesNot) {
  std::string bytes = png();
  for (const char* name : {"a.webp", "b.jfif", "c", "d.data", "e.JPE"}) write_text(name, bytes);
  write_text("f.gif", "GIF89a......");
  write_text("g.bin", "GIF87a......");
  write_text("h.heic",
             "\0\0\0\x18"
             "ftypheic\0\0\0\0"s);
  write_text("i.avif",
             "\0\0\0\x18"
             "ftypavif\0\0\0\0"s);
  write_text("j.jp2", "\0\0\0\x0cjP  \r\n\x87\n"s);
  write_text("notes.txt", "no picture");
  write_text("nothing", "");
  IgnoredFiles ignored;
  EXPECT_THAT(found(ignored), ElementsAre("a.webp", "b.jfif", "c", "d.data", "e.JPE", "p.png"));
  std::vector<std::string> reasons;
  for (const auto& reason : ignored.reasons())
    reasons.push_back(reason.text() + (reason.is_picture ? " !" : ""));
  EXPECT_THAT(reasons,
              ElementsAre("2 GIF pictures, which are not read !", "1 HEIC picture, which is not read !",
                          "1 AVIF picture, which is not read !", "1 JPEG 2000 picture, which is not read !",
                          "2 files that are no pictures"));
}

TEST_F(PictureFilesTest, HiddenOnesCountAtNoLevel) {
  for (const char* name : {"cats/1.png", "cats/.ipynb_checkpoints/1.png", "cats/._1.png",
                           "cats/x/__MACOSX/1.png", "dogs/1.png", ".git/1.png", "__MACOSX/cats/1.png"})
    write(name);
  IgnoredFiles ignored;
  EXPECT_THAT(found(ignored), ElementsAre("cats/1.png", "dogs/1.png"));
  ASSERT_EQ(ignored.reasons().size(), 1);
  EXPECT_EQ(ignored.reasons()[0].count, 5);
  EXPECT_THAT(subfolder_names(folder), ElementsAre("cats", "dogs"));
  EXPECT_EQ(ImageFolder::scan(folder).files.size(), 2);
}

TEST_F(PictureFilesTest, FormatsThatAreNotReadAreCalledByTheirNames) {
  std::filesystem::create_directories(folder);
  for (auto [head, name] :
       {std::pair{"\0\0\0\x18"
                  "ftypmif1\0\0\0\0"s,
                  "a HEIC picture"},
        std::pair{"\0\0\0\x1c"
                  "ftypavis\0\0\0\0"s,
                  "an AVIF picture"},
        std::pair{"\xff\x4f\xff\x51\0\0\0\0"s, "a JPEG 2000 picture"},
        std::pair{"\0\0\0\x0cJXL \r\n\x87\n"s, "a JPEG XL picture"}, std::pair{"GIF89a"s, "a GIF"}}) {
    write_text("x.jpg", head);
    EXPECT_THAT(error_of([&] { load_image(folder / "x.jpg"); }),
                HasSubstr(std::string("x.jpg: ") + name + ", a format"));
  }
  write_text("x.jpg", "plain text");
  EXPECT_THAT(error_of([&] { load_image(folder / "x.jpg"); }), HasSubstr("not a picture"));
}

TEST_F(PictureFilesTest, ASplitIsDrawnBySeedAndClass) {
  write_many(20);
  ImageFolder all = ImageFolder::scan(folder);
  auto [training, validation] = all.split(0.25, 7);
  EXPECT_EQ(training.files.size(), 30);
  EXPECT_EQ(validation.files.size(), 10);
  int cats = 0;
  std::set<std::string> seen;
  for (const auto& file : validation.files) cats += file.label == 0;
  EXPECT_EQ(cats, 5) << "of each class as many";
  for (const ImageFolder* part : {&training, &validation})
    for (const std::string& name : names(part->files)) EXPECT_TRUE(seen.insert(name).second);
  EXPECT_EQ(seen.size(), 40);
  EXPECT_EQ(names(all.split(0.25, 7).second.files), names(validation.files));
  EXPECT_NE(names(all.split(0.25, 8).second.files), names(validation.files));
  EXPECT_NE(names(ImageFolder::scan(folder, ImageFolder::Subset::validation, 0.25).files),
            names(validation.files));
  EXPECT_THAT(error_of([&] { all.split(0.01, 0); }),
              HasSubstr("leaves none of its 20 pictures for validation"));
}

TEST_F(PictureFilesTest, WhatIsMeantIsOffered) {
  for (const char* name : {"set/set/set/cats/1.png", "set/set/set/dogs/1.png", "flat/1.png", "flat/2.png"})
    write(name);
  for (const char* above : {"set", "set/set"})
    EXPECT_THAT(error_of([&] { ImageFolder::scan(folder / above); }),
                HasSubstr("set: only one sub-folder; is " + (folder / "set/set/set").string() +
                          " meant, which has 2?"));
  EXPECT_THAT(error_of([&] { ImageFolder::scan(folder / "flat"); }),
              HasSubstr("flat: its 2 pictures lie in no sub-folders"));
  EXPECT_THAT(error_of([&] {
                ImageFolder::scan_for(folder / "flat", {"cats", "dogs"});
              }),
              HasSubstr("flat: its 2 pictures lie in no sub-folders"));
}

TEST_F(PictureFilesTest, EqualPicturesHaveEqualFingerprints) {
  write("cats/1.png", 1);
  write("cats/2.png", 2);
  write("dogs/1.png", 1);
  Image white(4, 4, 3);
  std::fill(white.pixels.begin(), white.pixels.end(), uint8_t{255});
  save_png(folder / "dogs/white.png", white);
  ImageDataset data(ImageFolder::scan(folder), small());
  const auto& prints = data.fingerprints();
  ASSERT_EQ(prints.size(), 4);
  EXPECT_EQ(prints[0].hash, prints[2].hash);
  EXPECT_NE(prints[0].hash, prints[1].hash);
  EXPECT_FALSE(prints[0].one_colour);
  EXPECT_TRUE(prints[3].one_colour);
}

}  // namespace
}  // namespace manul
