#include <gmock/gmock.h>

#include "manul/data/image/image_io.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/tests/tools/run.h"
#include "manul/tools/programs/mandelbrot_kernel.h"
#include "manul/tools/support/memory.h"

namespace manul {
namespace {

using testing::HasSubstr;

/// The article's loop: complex numbers as Python multiplies them.
int articles_count(double x, double y, int most) {
  double real = 0, imaginary = 0;
  for (int i = 0; i < most; ++i) {
    double next = real * real - imaginary * imaginary + x;
    imaginary = real * imaginary + imaginary * real + y;
    real = next;
    if (real * real + imaginary * imaginary >= 4) return i;
  }
  return most;
}

int64_t differences(const Tensor& counts, const MandelbrotView& view) {
  int64_t height = counts.shape()[0], width = counts.shape()[1], different = 0;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      different += counts.data<int32_t>()[y * width + x] !=
                   articles_count(view.left + static_cast<double>(x) * view.pixel_width,
                                  view.top + static_cast<double>(y) * view.pixel_height, view.iterations);
  return different;
}

TEST(Mandelbrot, CountsAreTheArticlesPixelByPixel) {
  EXPECT_EQ(differences(mandelbrot(1536, 1024, {}), {}), 0);
}

TEST(Mandelbrot, AnyViewAndAnyWidth) {
  MandelbrotView deep{
      .left = -0.7436, .top = 0.1318, .pixel_width = 1e-6, .pixel_height = 1e-6, .iterations = 300};
  EXPECT_EQ(differences(mandelbrot(101, 37, deep), deep), 0);
  EXPECT_EQ(differences(mandelbrot(1, 1, deep), deep), 0);
  deep.iterations = 0;
  EXPECT_EQ(differences(mandelbrot(5, 3, deep), deep), 0);
}

TEST(Mandelbrot, NumberOfThreadsDoesNotMatter) {
  cpu::set_threads(1);
  std::vector<int32_t> one = mandelbrot(300, 200, {}).to_vector<int32_t>();
  cpu::set_threads(3);
  EXPECT_EQ(mandelbrot(300, 200, {}).to_vector<int32_t>(), one);
  cpu::set_threads(0);
}

TEST(Mandelbrot, SinglePrecisionDiffersAtFewEdges) {
  MandelbrotView view{.pixel_width = 0.01, .pixel_height = 0.01};
  std::vector<int32_t> exact = mandelbrot(300, 200, view).to_vector<int32_t>();
  std::vector<int32_t> single = mandelbrot(300, 200, view, DType::f32).to_vector<int32_t>();
  int different = 0;
  for (size_t i = 0; i < exact.size(); ++i) different += exact[i] != single[i];
  EXPECT_LT(different, 60);
}

TEST(Mandelbrot, ProgramDrawsThePicture) {
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "mandelbrot --device cpu");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, testing::MatchesRegex("Mandelbrot created in [0-9.]+ s\n"));
  Image picture = load_image(folder / "mandelbrot.png");
  EXPECT_EQ(picture.width, 1536);
  EXPECT_EQ(picture.height, 1024);
  // The first pixel, -2 - i, leaves at once; the middle of the set never does.
  EXPECT_EQ(std::vector(picture.row(0), picture.row(0) + 3), (std::vector<uint8_t>{68, 1, 84}));
  const uint8_t* middle = picture.row(512) + size_t{3} * 1024;
  EXPECT_EQ(std::vector(middle, middle + 3), (std::vector<uint8_t>{253, 231, 37}));
}

TEST(Mandelbrot, ProgramMakesTheFolderAndWritesWhatTheNameSays) {
  TemporaryFolder folder;
  EXPECT_EQ(run(folder.path(), "mandelbrot --width 8 --height 8 --output new/folder/a.jpg").code, 0);
  EXPECT_THAT(read_file(folder / "new/folder/a.jpg"), testing::StartsWith("\xff\xd8\xff"));
}

TEST(Mandelbrot, ProgramWritesNoOtherFormatUnderItsName) {
  TemporaryFolder folder;
  for (const char* name : {"a.gif", "a.webp", "a.tif", "a.PDF"}) {
    Outcome outcome = run(folder.path(), std::string("mandelbrot --width 8 --height 8 --output ") + name);
    EXPECT_EQ(outcome.code, 2) << name;
    EXPECT_THAT(outcome.errors, HasSubstr("pictures are written as .png or .jpg"));
    EXPECT_EQ(run(folder.path(), "ls").output, "");
  }
  EXPECT_EQ(run(folder.path(), "mandelbrot --width 8 --height 8 --output a.JPG").code, 0);
  EXPECT_THAT(read_file(folder / "a.JPG"), testing::StartsWith("\xff\xd8\xff"));
}

TEST(Mandelbrot, ProgramSaysWhereThePrecisionEnds) {
  TemporaryFolder folder;
  std::string place = "mandelbrot --device cpu --width 300 --height 200 --center -0.7436 0.1318 ";
  for (const char* fine : {"--zoom 1e13", "--zoom 1e4 --precision single"})
    EXPECT_THAT(run(folder.path(), place + fine).errors, testing::Not(HasSubstr("zoom"))) << fine;
  // Pixels of 0.01 / zoom; the numbers have distances of 1.1e-16 and 6e-8 there.
  for (const char* blocks : {"--zoom 2e14", "--zoom 4e5 --precision single"}) {
    Outcome outcome = run(folder.path(), place + blocks);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr("the picture is made of blocks"));
  }
  Outcome deep = run(folder.path(), place + "--zoom 1e8 --precision single");
  EXPECT_EQ(deep.code, 2);
  EXPECT_EQ(deep.output, "");
  EXPECT_THAT(deep.errors, HasSubstr("the numbers of single precision, which end here at a zoom of 2e+05; "
                                     "--precision double goes on"));
  EXPECT_EQ(run(folder.path(), place + "--zoom 1e15 --width 30 --height 20 --center 1.5 0").code, 2);
  Outcome origin =
      run(folder.path(), "mandelbrot --device cpu --width 30 --height 20 --center 0 0 --zoom 1e15");
  EXPECT_EQ(origin.code, 0) << "numbers are close together there";
}

TEST(Mandelbrot, ProgramRefusesWhatItCannotDo) {
  TemporaryFolder folder;
  Outcome unknown = run(folder.path(), "mandelbrot --colormap rainbow");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.errors, HasSubstr("viridis"));
  EXPECT_EQ(run(folder.path(), "mandelbrot --width 0").code, 2);
  EXPECT_EQ(run(folder.path(), "mandelbrot --width 65501").code, 2) << "no JPEG file has that many";
  EXPECT_EQ(run(folder.path(), "mandelbrot --zoom -1").code, 2);
  EXPECT_EQ(run(folder.path(), "mandelbrot --center 1").code, 2);
  EXPECT_EQ(run(folder.path(), "mandelbrot --center nan 0").code, 2);
  EXPECT_THAT(run(folder.path(), "mandelbrot --width 8.5").errors, HasSubstr("8.5 is not a whole number"));
  // Before anything is drawn:
  Outcome nowhere = run(folder.path(), "mandelbrot --width 8 --height 8 --output .");
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_EQ(nowhere.output, "");
  EXPECT_THAT(nowhere.errors, HasSubstr(". is a folder"));
}

TEST(Mandelbrot, ProgramDoesNotBeginWhatMemoryCannotHold) {
  constexpr int64_t bytes = int64_t{65500} * 65500 * 7;
  if (available_memory() >= bytes) GTEST_SKIP() << "this machine can hold the largest picture";
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "mandelbrot --device cpu --width 65500 --height 65500");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.output, "");
  EXPECT_THAT(outcome.errors,
              testing::StartsWith("mandelbrot: 65500 x 65500 pixels: 30.0 GB of memory are needed"));
}

}  // namespace
}  // namespace manul
