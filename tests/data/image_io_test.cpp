#include "data/image_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "data/resize.h"
#include "framework/error.h"
#include "tests/data/fixture.h"

namespace manul {
namespace {

std::string message_of(const std::filesystem::path& file) {
  try {
    load_image(file);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    return error.what();
  }
  return "";
}

/// Files that keras.utils.load_img reads and load_image refuses, and why.
const std::map<std::string, std::string> not_read{
    {"p.gif", "GIF: OpenCV 4.6 has no decoder, and ImageDataGenerator's folders do not take it"},
    {"p_transparency.gif", "GIF"},
    {"two_frames.gif", "GIF"},
};

ColorMode color_mode_of(const std::string& name) {
  return name == "rgb" ? ColorMode::rgb : name == "rgba" ? ColorMode::rgba : ColorMode::grayscale;
}

TEST(ImageIo, EveryPictureEqualsKerasToTheBit) {
  std::filesystem::path file = fixture::shared("fixtures/load_img.h5");
  if (file.empty()) GTEST_SKIP() << "no ../shared/fixtures beside the checkout";
  fixture::File cases(file);
  int equal = 0, refused = 0;
  for (const std::string& number : cases.members("cases")) {
    std::string name = "cases/" + number;
    std::string picture = cases.text(name, "file");
    ImageOptions options;
    options.height = static_cast<int>(cases.number(name, "target_height"));
    options.width = static_cast<int>(cases.number(name, "target_width"));
    options.interpolation = parse_interpolation(cases.text(name, "interpolation"));
    options.keep_aspect_ratio = cases.number(name, "keep_aspect_ratio") != 0;
    options.color_mode = color_mode_of(cases.text(name, "color_mode"));
    SCOPED_TRACE(name + " " + picture + " " + cases.text(name, "interpolation"));
    auto path = fixture::shared("fixtures/load_img/" + picture);
    if (not_read.contains(picture)) {
      EXPECT_NE(message_of(path), "");
      ++refused;
      continue;
    }
    Image image = load_image(path, options);
    std::vector<hsize_t> shape = cases.shape(name + "/output");
    ASSERT_EQ(shape,
              (std::vector<hsize_t>{hsize_t(image.height), hsize_t(image.width), hsize_t(image.channels)}));
    std::vector<double> expected = cases.values(name + "/output"), found;
    if (image.pixels16.empty()) {
      found.assign(image.pixels.begin(), image.pixels.end());
    } else {
      found.assign(image.pixels16.begin(), image.pixels16.end());
    }
    EXPECT_TRUE(found == expected);
    equal += found == expected;
  }
  EXPECT_EQ(refused, 3 + 2 + 1);
  EXPECT_EQ(equal + refused, 126);
}

TEST(ImageIo, EveryDamagedPictureIsRefusedByNameAndReason) {
  std::filesystem::path file = fixture::shared("fixtures/load_img.h5");
  if (file.empty()) GTEST_SKIP() << "no ../shared/fixtures beside the checkout";
  fixture::File cases(file);
  for (const std::string& name : cases.members("damaged")) {
    auto path = fixture::shared("fixtures/load_img/" + name);
    if (name == "damaged_no_iend.png") {
      EXPECT_THAT(load_image(path).warning, ::testing::HasSubstr("end marker"));
      continue;
    }
    std::string message = message_of(path);
    EXPECT_THAT(message, ::testing::StartsWith(path.string() + ": "));
    RecordProperty(name, message);
  }
}

}  // namespace
}  // namespace manul
