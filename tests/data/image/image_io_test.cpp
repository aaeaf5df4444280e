#include "manul/data/image/image_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "manul/data/image/resize.h"
#include "manul/data/synthetic/synthetic.h"
#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/tests/error_of.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

std::string message_of(const std::filesystem::path& file) {
  return error_of([&] { load_image(file); });
}

/// Files that keras.utils.load_img reads and load_image refuses, and why.
const std::map<std::string, std::string> not_read{
    {"p.gif", "GIF: OpenCV 4.6 has no decoder, and ImageDataGenerator's folders do not take it"},
    {"p_transparency.gif", "GIF"},
    {"two_frames.gif", "GIF"},
};

/// The extensions of formats that this build's OpenCV was made without.
std::vector<std::string> formats_left_out() {
  std::vector<std::string> left_out;
  for (const char* good : {"lossy.webp", "rgb.tif"}) {
    std::filesystem::path file = shared_file(std::string("fixtures/load_img/") + good);
    if (message_of(file).empty()) continue;
    left_out.push_back(file.extension());
    std::printf("%s files are left out: OpenCV cannot read %s\n", left_out.back().c_str(), good);
  }
  return left_out;
}

ColorMode color_mode_of(const std::string& name) {
  return name == "rgb" ? ColorMode::rgb : name == "rgba" ? ColorMode::rgba : ColorMode::grayscale;
}

TEST(ImageIo, EveryPictureEqualsKerasToTheBit) {
  std::string file = shared_file("fixtures/load_img.h5");
  if (file.empty()) GTEST_SKIP() << missing_shared_file("fixtures/load_img.h5");
  Fixture cases(file);
  std::vector<std::string> left_out = formats_left_out();
  int equal = 0, refused = 0, skipped = 0;
  for (const std::string& number : cases.names("cases")) {
    std::string name = "cases/" + number;
    std::string picture = cases.text(name, "file");
    ImageOptions options;
    options.height = static_cast<int>(cases.number(name, "target_height"));
    options.width = static_cast<int>(cases.number(name, "target_width"));
    options.interpolation = parse_interpolation(cases.text(name, "interpolation"));
    options.keep_aspect_ratio = cases.number(name, "keep_aspect_ratio") != 0;
    options.color_mode = color_mode_of(cases.text(name, "color_mode"));
    SCOPED_TRACE(fmt::format("{} {} {}", name, picture, cases.text(name, "interpolation")));
    std::filesystem::path path = shared_file("fixtures/load_img/" + picture);
    if (not_read.contains(picture)) {
      EXPECT_NE(message_of(path), "");
      ++refused;
      continue;
    }
    if (std::find(left_out.begin(), left_out.end(), path.extension()) != left_out.end()) {
      ++skipped;
      continue;
    }
    Image image = load_image(path, options);
    Shape shape = cases.tensor(name + "/output").shape();
    ASSERT_EQ(shape, (Shape{image.height, image.width, image.channels}));
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
  EXPECT_EQ(skipped, 3 * static_cast<int>(left_out.size()));
  EXPECT_EQ(equal + refused + skipped, 126);
}

TEST(ImageIo, EveryDamagedPictureIsRefusedByNameAndReason) {
  std::string file = shared_file("fixtures/load_img.h5");
  if (file.empty()) GTEST_SKIP() << missing_shared_file("fixtures/load_img.h5");
  Fixture cases(file);
  for (const std::string& name : cases.names("damaged")) {
    std::filesystem::path path = shared_file("fixtures/load_img/" + name);
    if (name == "damaged_no_iend.png") {
      EXPECT_THAT(load_image(path).warning, ::testing::HasSubstr("end marker"));
      continue;
    }
    std::string message = message_of(path);
    EXPECT_THAT(message, ::testing::StartsWith(path.string() + ": "));
    RecordProperty(name, message);
  }
}

/// A folder for one test's files.
class HostileFilesTest : public ::testing::Test {
 protected:
  TemporaryFolder temporary;
  std::filesystem::path folder = temporary.path();

  using Bytes = std::vector<uint8_t>;
  Bytes read(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  /// A picture with something in it, as the bytes of a file.
  Bytes file_of(const std::string& name) {
    Image image = draw_synthetic(SyntheticAnimal::cat, 0, 0, 40);
    if (name == "x.png") {
      save_png(folder / name, image);
    } else {
      save_jpeg(folder / name, image);
    }
    return read(folder / name);
  }
  /// The reason for refusing `bytes`; empty if they were taken.
  std::string reason(const Bytes& bytes, const ImageOptions& options = {}) {
    try {
      Image image = decode_image(bytes, "file", options);
      EXPECT_EQ(image.pixels.size() + image.pixels16.size(),
                size_t(image.height) * image.width * image.channels);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_THAT(error.what(), ::testing::StartsWith("file: "));
      return error.what();
    }
    return "";
  }
};

TEST_F(HostileFilesTest, EveryTruncationIsRefused) {
  for (const char* name : {"x.png", "x.jpg"}) {
    Bytes whole = file_of(name);
    ASSERT_EQ(reason(whole), "");
    ImageOptions nearest{.height = 16, .width = 16};
    for (size_t length = 0; length < whole.size(); length += 1 + length / 40) {
      Bytes part(whole.begin(), whole.begin() + static_cast<int64_t>(length));
      EXPECT_NE(reason(part), "") << name << " of " << length;
      EXPECT_NE(reason(part, nearest), "") << name << " of " << length;
    }
  }
}

TEST_F(HostileFilesTest, APngWithoutPartOfItsEndMarkerIsTaken) {
  Bytes bytes = file_of("x.png");
  for (int missing = 1; missing <= 12; ++missing) {
    bytes.pop_back();
    EXPECT_EQ(reason(bytes), "") << missing;
    EXPECT_NE(decode_image(bytes, "file").warning, "");
  }
  bytes.pop_back();
  EXPECT_NE(reason(bytes), "");
}

TEST_F(HostileFilesTest, FlippedBitsNeverCrash) {
  std::vector<Bytes> files{file_of("x.png"), file_of("x.jpg")};
  if (auto shared = shared_file("fixtures/load_img"); !shared.empty())
    for (const auto& entry : std::filesystem::directory_iterator(shared)) files.push_back(read(entry.path()));
  RandomStream stream(0, RandomPurpose::sample, 0, 0);
  for (const Bytes& file : files)
    for (int round = 0; round < 60 && !file.empty(); ++round) {
      Bytes broken = file;
      // Headers first: that is where sizes and tables lie.
      uint32_t reach = round % 2 ? static_cast<uint32_t>(file.size()) : std::min<uint32_t>(file.size(), 64);
      for (int flips = 0; flips <= round % 4; ++flips) broken[stream.below(reach)] ^= 1 << stream.below(8);
      bool too_large_for_a_test = broken.size() > 8 && (broken[0] == 'B' || broken[0] == 'P');
      if (!too_large_for_a_test) reason(broken, {.height = 8, .width = 8});
    }
}

TEST_F(HostileFilesTest, NoMemoryIsAskedForPixelsThatCannotBeThere) {
  Bytes bytes = file_of("x.png");
  auto set_size = [&](uint32_t width, uint32_t height) {
    for (int i = 0; i < 4; ++i) {
      bytes[16 + i] = static_cast<uint8_t>(width >> (24 - 8 * i));
      bytes[20 + i] = static_cast<uint8_t>(height >> (24 - 8 * i));
    }
    uint32_t crc = ~0u;
    for (int i = 12; i < 29; ++i) {
      crc ^= bytes[i];
      for (int k = 0; k < 8; ++k) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    for (int i = 0; i < 4; ++i) bytes[29 + i] = static_cast<uint8_t>(~crc >> (24 - 8 * i));
  };
  set_size(40, 40);
  EXPECT_EQ(reason(bytes), "");
  set_size(13000, 13000);
  EXPECT_THAT(reason(bytes), ::testing::HasSubstr("cannot hold 13000x13000 pixels"));
  set_size(0x7FFFFFFF, 0x7FFFFFFF);
  EXPECT_THAT(reason(bytes), ::testing::HasSubstr("pixels are more than"));
  set_size(0, 5);
  EXPECT_NE(reason(bytes), "");
}

/// What OpenCV would read otherwise than Pillow.
TEST_F(HostileFilesTest, NoKindIsReadOtherwiseThanByPillow) {
  auto portable_map = [](const std::string& header) {
    Bytes bytes(header.begin(), header.end());
    bytes.insert(bytes.end(), {10, 20, 30, 40});
    return bytes;
  };
  Bytes plain = portable_map("P5 2 2 255\n"), commented = portable_map("P5\n# 3 by 7\n2 2\n255\n");
  if (reason(plain).find("only JPEG and PNG") != std::string::npos) GTEST_SKIP() << "no OpenCV in this build";
  EXPECT_EQ(decode_image(plain, "file", {.color_mode = ColorMode::grayscale}).pixels,
            (Bytes{10, 20, 30, 40}));
  EXPECT_EQ(reason(commented), "");
  for (const char* header : {"P5 2 2 100\n", "P5 2 2\n", "P5 2 2 # 255\n"})
    EXPECT_THAT(reason(portable_map(header)), ::testing::HasSubstr("a white other than 255"));
  Bytes bitmap{'B', 'M'};
  bitmap.resize(70);
  bitmap[28] = 16;
  EXPECT_THAT(reason(bitmap), ::testing::HasSubstr("16 bits a pixel"));
}

TEST_F(HostileFilesTest, WhatIsNoFileIsNamed) {
  EXPECT_THAT(message_of(folder / "nowhere.jpg"),
              ::testing::HasSubstr("nowhere.jpg: cannot be read: No such file"));
  EXPECT_THAT(message_of(folder), ::testing::HasSubstr("is a folder, not a file"));
  ASSERT_EQ(mkfifo((folder / "pipe.jpg").c_str(), 0600), 0);
  EXPECT_THAT(message_of(folder / "pipe.jpg"), ::testing::HasSubstr("is not a regular file"));
}

TEST(ImageIo, RealPhotographsEqualPillow) {
  std::string archive = shared_file("data/catdog-fullres-400.tar.gz");
  if (archive.empty()) GTEST_SKIP() << missing_shared_file("data/catdog-fullres-400.tar.gz");
  TemporaryFolder folder;
  ASSERT_EQ(std::system(fmt::format("tar xzf '{}' -C '{}'", archive, folder.path().string()).c_str()), 0);
  std::ifstream table(MANUL_SOURCE_DIR "/tests/reference/pillow_hashes.txt");
  std::string name, filter, expected;
  int pictures = 0;
  while (table >> name >> filter >> expected) {
    Image image =
        load_image(folder / name, {.height = 64, .width = 64, .interpolation = parse_interpolation(filter)});
    uint64_t hash = 0xcbf29ce484222325;
    for (uint8_t byte : image.pixels) hash = (hash ^ byte) * 0x100000001b3;
    EXPECT_EQ(fmt::format("{:016x}", hash), expected) << name << " " << filter;
    ++pictures;
  }
  EXPECT_EQ(pictures, 400);
}

}  // namespace
}  // namespace manul
