#pragma once

#include <string>
#include <vector>

#include "manul/data/image/image.h"

namespace manul {

struct Color {
  uint8_t red = 0, green = 0, blue = 0;
};

/// Which part of a text stands at its place.
enum class TextAnchor { left, middle, right };

/// Lines, boxes and text on a picture, drawn by OpenCV when it is finished. Lengths are pixels, from the
/// upper left corner; text is ASCII, other characters are shown as '?'.
class Drawing {
 public:
  /// One thing that is drawn, in the order in which they were asked for.
  struct Command {
    enum class Kind { line, box, text } kind;
    float x0, y0, x1, y1;  // of text (x0, y0) is its place, half-way up
    Color color;
    float size;  // width of a line, height of a text
    TextAnchor anchor;
    std::string text;
  };

  Drawing(int width, int height, Color background = {255, 255, 255});
  /// On an RGB picture.
  explicit Drawing(Image picture) : image_(std::move(picture)) {}

  void line(float x0, float y0, float x1, float y1, Color color, float width = 1);
  /// Filled.
  void box(float x, float y, float width, float height, Color color);
  void text(float x, float y, const std::string& text, Color color, float height = 12,
            TextAnchor anchor = TextAnchor::left);
  /// Copies an RGB picture to (x, y), as far as it fits.
  void paste(const Image& picture, int x, int y);

  /// Draws. Throws ErrorKind::failed where OpenCV is not there.
  Image finish();

 private:
  Image image_;
  std::vector<Command> commands_;
};

}  // namespace manul
