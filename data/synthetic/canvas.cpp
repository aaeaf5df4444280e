#include "manul/data/synthetic/canvas.h"

namespace manul::drawing {

Image Canvas::image() const {
  Image image(size_, size_, 3);
  auto byte = [](float value) { return static_cast<uint8_t>(std::clamp(value * 255 + 0.5f, 0.f, 255.f)); };
  uint8_t* to = image.pixels.data();
  for (const Color& pixel : pixels_) {
    *to++ = byte(pixel.red);
    *to++ = byte(pixel.green);
    *to++ = byte(pixel.blue);
  }
  return image;
}

}  // namespace manul::drawing
