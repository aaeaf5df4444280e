#include "manul/data/image/orientation.h"

#include <gmock/gmock.h>

#include "manul/data/image/image_io.h"
#include "manul/tests/error_of.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::string_literals;

/// EXIF that says one orientation, in either order of bytes, after another field.
std::string exif(int orientation, bool little) {
  auto number = [&](unsigned value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * (little ? i : bytes - 1 - i));
    return text;
  };
  std::string tiff = (little ? "II" : "MM") + number(42, 2) + number(8, 4) + number(2, 2);
  tiff += number(0x10f, 2) + number(2, 2) + number(4, 4) + "abc\0"s;
  tiff += number(0x112, 2) + number(3, 2) + number(1, 4) + number(static_cast<unsigned>(orientation), 2) +
          "\0\0"s;
  tiff += number(0, 4);
  std::string content = "Exif\0\0"s + tiff;
  size_t length = content.size() + 2;
  return "\xff\xe1"s + static_cast<char>(length >> 8) + static_cast<char>(length) + content;
}

/// A JPEG file of 2 rows and 3 columns of gray blocks, with EXIF behind its first marker.
std::string jpeg(int orientation, bool little) {
  Image image(32, 48, 1);
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 48; ++x) image.row(y)[x] = static_cast<uint8_t>(40 * (3 * (y / 16) + x / 16) + 20);
  TemporaryFolder folder;
  save_jpeg(folder / "x.jpg", image, 95);
  std::string bytes = read_file(folder / "x.jpg");
  return bytes.insert(2, exif(orientation, little));
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// The numbers 0 to 5 of the blocks, by rows.
std::vector<int> blocks(const Image& image) {
  std::vector<int> numbers;
  for (int y = 8; y < image.height; y += 16)
    for (int x = 8; x < image.width; x += 16) numbers.push_back(image.row(y)[x * image.channels] / 40);
  return numbers;
}

/// As Pillow's ImageOps.exif_transpose turns them.
TEST(Orientation, AllEightAsAViewerShowsThem) {
  const std::vector<std::vector<int>> wanted{{0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3}, {5, 4, 3, 2, 1, 0},
                                             {3, 4, 5, 0, 1, 2}, {0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2},
                                             {5, 2, 4, 1, 3, 0}, {2, 5, 1, 4, 0, 3}};
  for (bool little : {false, true})
    for (int orientation = 1; orientation <= 8; ++orientation) {
      std::string file = jpeg(orientation, little);
      EXPECT_EQ(exif_orientation(bytes_of(file)), orientation);
      Image turned = decode_image(bytes_of(file), "x.jpg", {.exif_orientation = true});
      EXPECT_EQ(turned.width, orientation >= 5 ? 32 : 48);
      EXPECT_EQ(blocks(turned), wanted[orientation - 1]) << orientation;
      EXPECT_EQ(blocks(decode_image(bytes_of(file), "x.jpg")), wanted[0]) << "Keras does not turn";
    }
}

TEST(Orientation, ResizedAfterItIsTurned) {
  std::string file = jpeg(6, true);
  for (Interpolation filter : {Interpolation::nearest, Interpolation::box}) {
    Image small = decode_image(bytes_of(file), "x.jpg",
                               {.height = 3, .width = 2, .interpolation = filter, .exif_orientation = true});
    std::vector<int> numbers;
    for (size_t i = 0; i < small.pixels.size(); i += 3) numbers.push_back(small.pixels[i] / 40);
    EXPECT_THAT(numbers, ElementsAre(3, 0, 4, 1, 5, 2));
  }
}

TEST(Orientation, WhatIsNoExifIsAsItIs) {
  std::string file = jpeg(9, true);
  EXPECT_EQ(exif_orientation(bytes_of(file)), 1) << "there is no ninth";
  file = jpeg(6, true);
  for (size_t length = 0; length < 60; ++length) exif_orientation(bytes_of(file.substr(0, length)));
  EXPECT_EQ(exif_orientation(bytes_of(file.substr(0, 20))), 1);
}

TEST(TolerantJpeg, IsReadAsAViewerWould) {
  std::string whole = jpeg(1, true);
  std::string stray = whole, cut = whole.substr(0, whole.size() - 2);
  stray.insert(2 + exif(1, true).size(), "stray");  // between two markers
  for (const std::string& file : {stray, cut}) {
    EXPECT_THAT(error_of([&] { decode_image(bytes_of(file), "x.jpg"); }), HasSubstr("damaged JPEG"));
    Image image = decode_image(bytes_of(file), "x.jpg", {.tolerant = true});
    EXPECT_EQ(blocks(image), (std::vector<int>{0, 1, 2, 3, 4, 5}));
    EXPECT_THAT(image.warning, HasSubstr("x.jpg: a damaged JPEG, taken as it is: "));
  }
  EXPECT_EQ(decode_image(bytes_of(whole), "x.jpg", {.tolerant = true}).warning, "");
  EXPECT_THAT(error_of([&] { decode_image(bytes_of(whole.substr(0, 40)), "x.jpg", {.tolerant = true}); }),
              HasSubstr("x.jpg: "))
      << "what has no pixels is no picture";
}

}  // namespace
}  // namespace manul
