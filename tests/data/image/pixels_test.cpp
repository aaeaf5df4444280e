#include "manul/data/image/pixels.h"

#include <cstdio>  // jpeglib.h needs FILE

#include <gmock/gmock.h>
#include <jpeglib.h>

#include <fstream>

#include "manul/data/image/image_io.h"
#include "manul/tests/error_of.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

using testing::HasSubstr;

TEST(Pixels, OfEveryKindReachTheTensor) {
  MemoryGuard guard;  // what is not written is NaN
  for (int channels : {1, 2, 3, 4}) {
    Image image(2, 3, channels);
    for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(250 - i);
    std::vector<float> values = to_tensor(image, {.scale = 0.5, .offset = -1}).to_vector<float>();
    std::vector<uint8_t> bytes(image.pixels.size());
    write_bytes_of(image, bytes.data(), {2, 3, channels}, "a.png");
    EXPECT_EQ(bytes, image.pixels);
    ASSERT_EQ(values.size(), image.pixels.size());
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(values[i], static_cast<float>(image.pixels[i]) / 2 - 1);
  }
  Image wide(2, 2, 1);
  wide.pixels.clear();
  wide.pixels16 = {0, 255, 256, 65535};
  EXPECT_EQ(to_tensor(wide).to_vector<float>(), (std::vector<float>{0, 255, 256, 65535}));
  uint8_t bytes[4];
  EXPECT_EQ(error_of([&] {
              write_bytes_of(wide, bytes, {2, 2, 1}, "a.png");
            }),
            "a.png: 16-bit gray does not fit the 8 bits of a data set; read it as rgb");
}

TEST(Pixels, OfAnotherShapeAreRefused) {
  Image image(2, 3, 3), empty(2, 3, 3);
  empty.pixels.clear();
  float values[18];
  EXPECT_THAT(error_of(
                  [&] {
                    write_values_of(image, values, {3, 2, 3});
                  },
                  ErrorKind::failed),
              HasSubstr("it is [2, 3, 3], and [3, 2, 3] is wanted"));
  EXPECT_THAT(error_of(
                  [&] {
                    write_values_of(empty, values, {2, 3, 3});
                  },
                  ErrorKind::failed),
              HasSubstr("it has 0 values for [2, 3, 3]"));
}

TEST(Pixels, TargetsThatNobodyCanHoldAreRefusedBeforeDecoding) {
  std::vector<uint8_t> no_picture(10);
  EXPECT_THAT(error_of([&] { decode_image(no_picture, "a.png", {.height = 100000, .width = 100000}); }),
              HasSubstr("a.png: 100000x100000 pixels are more than the 178956970 that are read"));
}

TEST(Pixels, FirstBytesAreLookedAtBeforeTheOthersAreRead) {
  TemporaryFolder folder;
  std::ofstream(folder / "huge.jpg") << "no picture";
  std::filesystem::resize_file(folder / "huge.jpg", uintmax_t{1} << 33);  // more than may be read
  EXPECT_THAT(error_of([&] { load_image(folder / "huge.jpg"); }),
              HasSubstr("huge.jpg: not a picture, whatever its name says"));
  std::ofstream(folder / "jpeg.jpg") << "\xff\xd8\xff\xe0";
  std::filesystem::resize_file(folder / "jpeg.jpg", uintmax_t{1} << 33);
  EXPECT_THAT(error_of([&] { load_image(folder / "jpeg.jpg"); }),
              HasSubstr("jpeg.jpg: has 8589934592 bytes; at most 1073741824 are read"));
}

/// A gray JPEG whose coefficients come bit by bit: 11 scans for each of the first `coefficients`.
std::vector<uint8_t> progressive_jpeg(int coefficients) {
  std::vector<jpeg_scan_info> scans;
  for (int k = 0; k < coefficients; ++k)
    for (int bit = 10; bit >= 0; --bit)
      scans.push_back({.comps_in_scan = 1,
                       .component_index = {0},
                       .Ss = k,
                       .Se = k,
                       .Ah = bit == 10 ? 0 : bit + 1,
                       .Al = bit});
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long length = 0;
  jpeg_mem_dest(&info, &buffer, &length);
  info.image_width = info.image_height = 16;
  info.input_components = 1;
  info.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&info);
  info.scan_info = scans.data();
  info.num_scans = static_cast<int>(scans.size());
  jpeg_start_compress(&info, TRUE);
  std::vector<uint8_t> row(16, 100);
  JSAMPROW rows[] = {row.data()};
  while (info.next_scanline < info.image_height) jpeg_write_scanlines(&info, rows, 1);
  jpeg_finish_compress(&info);
  std::vector<uint8_t> bytes(buffer, buffer + length);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  return bytes;
}

TEST(Pixels, ScansOfAProgressiveJpegAreLimited) {
  EXPECT_EQ(decode_image(progressive_jpeg(8), "few.jpg").width, 16);
  EXPECT_THAT(error_of([] { decode_image(progressive_jpeg(64), "many.jpg"); }),
              HasSubstr("many.jpg: damaged JPEG: it has more scans than the 100 that are read of its size"));
}

}  // namespace
}  // namespace manul
