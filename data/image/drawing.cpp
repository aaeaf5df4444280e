#include "manul/data/image/drawing.h"

#include <algorithm>
#include <utility>

#include "manul/data/image/image_codec.h"
#include "manul/framework/error.h"

namespace manul {

Drawing::Drawing(int width, int height, Color background) : image_(height, width, 3) {
  for (size_t i = 0; i < image_.pixels.size(); i += 3) {
    image_.pixels[i] = background.red;
    image_.pixels[i + 1] = background.green;
    image_.pixels[i + 2] = background.blue;
  }
}

void Drawing::line(float x0, float y0, float x1, float y1, Color color, float width) {
  commands_.push_back({Command::Kind::line, x0, y0, x1, y1, color, width, TextAnchor::left, ""});
}

void Drawing::box(float x, float y, float width, float height, Color color) {
  commands_.push_back({Command::Kind::box, x, y, x + width, y + height, color, 0, TextAnchor::left, ""});
}

void Drawing::text(float x, float y, const std::string& text, Color color, float height, TextAnchor anchor) {
  std::string ascii;
  for (unsigned char c : text)
    if ((c & 0xc0) != 0x80) ascii += c >= 0x20 && c < 0x7f ? static_cast<char>(c) : '?';
  commands_.push_back({Command::Kind::text, x, y, x, y, color, height, anchor, std::move(ascii)});
}

void Drawing::paste(const Image& picture, int x, int y) {
  check(picture.channels == 3 && image_.channels == 3, "drawing: pictures of {} and {} channels, not RGB",
        picture.channels, image_.channels);
  int columns = std::min(picture.width, image_.width - x);
  for (int row = 0; columns > 0 && row < std::min(picture.height, image_.height - y); ++row)
    std::copy_n(picture.row(row), size_t(columns) * 3, image_.row(y + row) + size_t(x) * 3);
}

Image Drawing::finish() {
  codec::draw(image_, std::exchange(commands_, {}));
  return image_;
}

}  // namespace manul
