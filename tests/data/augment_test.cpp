#include "data/augment.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/data/fixture.h"

namespace manul {
namespace {

FillMode fill_mode_of(const std::string& name) {
  return name == "nearest"   ? FillMode::nearest
         : name == "reflect" ? FillMode::reflect
         : name == "wrap"    ? FillMode::wrap
                             : FillMode::constant;
}

TEST(Augment, EveryCaseEqualsKeras) {
  std::filesystem::path file = fixture::shared("fixtures/augment.h5");
  if (file.empty()) GTEST_SKIP() << "no ../shared/fixtures beside the checkout";
  fixture::File cases(file);
  int equal = 0, all = 0;
  for (const std::string& number : cases.members("cases")) {
    std::string name = "cases/" + number;
    SCOPED_TRACE(name);
    std::string image = "images/" + cases.text(name, "image");
    std::vector<hsize_t> shape = cases.shape(image);
    std::vector<double> pixels = cases.values(image), expected = cases.values(name + "/output");
    std::vector<uint8_t> picture(pixels.begin(), pixels.end());
    auto number_of = [&](const char* attribute) { return cases.number(name, attribute); };
    AugmentOptions options;
    options.fill_mode = fill_mode_of(cases.text(name, "fill_mode"));
    options.cval = static_cast<float>(number_of("cval"));
    options.interpolation_order = static_cast<int>(number_of("interpolation_order"));
    options.rescale = static_cast<float>(number_of("rescale"));
    options.samplewise_center = number_of("samplewise_center") != 0;
    options.samplewise_std_normalization = number_of("samplewise_std_normalization") != 0;
    Transform transform;
    transform.affine = {number_of("theta"), number_of("tx"), number_of("ty"),
                        number_of("shear"), number_of("zx"), number_of("zy")};
    transform.flip_horizontal = number_of("flip_horizontal") != 0;
    transform.flip_vertical = number_of("flip_vertical") != 0;
    transform.has_channel_shift = !std::isnan(number_of("channel_shift_intensity"));
    transform.channel_shift = static_cast<float>(number_of("channel_shift_intensity"));
    transform.has_brightness = !std::isnan(number_of("brightness"));
    transform.brightness = static_cast<float>(number_of("brightness"));
    std::vector<float> found(picture.size());
    augment(picture.data(), int(shape[0]), int(shape[1]), int(shape[2]), transform, options, found.data());
    double worst = 0;
    for (size_t i = 0; i < found.size(); ++i) worst = std::max(worst, std::abs(found[i] - expected[i]));
    double grey_level = options.rescale != 0 ? options.rescale : 1;
    EXPECT_LE(worst, 1e-3 * grey_level);
    ++all;
    if (worst == 0)
      ++equal;
    else
      std::printf("%s differs by %g\n", number.c_str(), worst);
  }
  std::printf("%d of %d equal\n", equal, all);
  EXPECT_EQ(all, 49);
  EXPECT_GE(equal, 40);
}

}  // namespace
}  // namespace manul
