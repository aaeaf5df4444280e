#include <fmt/core.h>

#include <algorithm>

#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "manul/data/image/image_codec.h"

// A library of its own, loaded when the first BMP, PPM, PGM, TIFF or WebP comes: OpenCV's imgcodecs brings so
// many other libraries along that linking it would cost each start of a program 0.07 s and 56 MB.

namespace {

int ignore_error(int, const char*, const char*, const char*, int, void*) {
  return 0;
}

/// OpenCV's order of channels to ours.
void to_rgb(const cv::Mat& picture, manul::Image& image) {
  cv::Mat result(image.height, image.width, CV_8UC(image.channels), image.pixels.data());
  if (image.channels == 1) {
    picture.copyTo(result);
  } else {
    cv::cvtColor(picture, result, image.channels == 3 ? cv::COLOR_BGR2RGB : cv::COLOR_BGRA2RGBA);
  }
}

void draw_text(cv::Mat& canvas, const manul::Drawing::Command& command, const cv::Scalar& color) {
  constexpr double font_height = 22;  // of OpenCV's font, in pixels at scale 1
  double scale = command.size / font_height;
  int baseline = 0;
  cv::Size size = cv::getTextSize(command.text, cv::FONT_HERSHEY_SIMPLEX, scale, 1, &baseline);
  auto x = static_cast<int>(command.x0), y = static_cast<int>(command.y0) + size.height / 2;
  if (command.anchor == manul::TextAnchor::middle) x -= size.width / 2;
  if (command.anchor == manul::TextAnchor::right) x -= size.width;
  cv::putText(canvas, command.text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, scale, color, 1, cv::LINE_AA);
}

void draw_one(cv::Mat& canvas, const manul::Drawing::Command& command) {
  using Kind = manul::Drawing::Command::Kind;
  cv::Scalar color(command.color.red, command.color.green, command.color.blue);
  cv::Point from(static_cast<int>(command.x0), static_cast<int>(command.y0)),
      to(static_cast<int>(command.x1), static_cast<int>(command.y1));
  switch (command.kind) {
    case Kind::line:
      cv::line(canvas, from, to, color, std::max(1, static_cast<int>(command.size)), cv::LINE_AA);
      break;
    case Kind::box:
      cv::rectangle(canvas, from, to - cv::Point(1, 1), color, cv::FILLED);
      break;
    case Kind::text:
      draw_text(canvas, command, color);
      break;
  }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) bool manul_opencv_draw(
    manul::Image& image, const std::vector<manul::Drawing::Command>& commands, std::string& reason) try {
  cv::setNumThreads(0);
  cv::Mat canvas(image.height, image.width, CV_8UC3, image.pixels.data());
  for (const manul::Drawing::Command& command : commands) draw_one(canvas, command);
  return true;
} catch (const std::exception& exception) {
  reason = exception.what();
  return false;
}

extern "C" __attribute__((visibility("default"))) bool manul_opencv_decode(manul::codec::Bytes bytes,
                                                                           manul::Image& image,
                                                                           std::string& reason) try {
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  cv::redirectError(ignore_error);
  cv::setNumThreads(0);  // whoever reads many pictures has threads of its own
  cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U, const_cast<uint8_t*>(bytes.data()));
  cv::Mat picture = cv::imdecode(buffer, cv::IMREAD_UNCHANGED);  // does not apply EXIF
  if (picture.empty()) {
    reason = "damaged, or a kind of its format that OpenCV does not read";
    return false;
  }
  if (picture.depth() != CV_8U || picture.channels() == 2 || picture.channels() > 4) {
    reason = fmt::format("{} channels of {} bits; only 8 bits are read in this format", picture.channels(),
                         8 * picture.elemSize1());
    return false;
  }
  image = manul::Image(picture.rows, picture.cols, picture.channels());
  to_rgb(picture, image);
  return true;
} catch (const std::exception& exception) {
  reason = exception.what();
  return false;
}
